// The bytes of personal data's records, as docs/formats/personal.md has them.
#include "personal/records.hpp"

#include <gtest/gtest.h>

namespace tally::personal {
namespace {

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char each : bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    text += digits[static_cast<unsigned char>(each) >> 4];
    text += digits[static_cast<unsigned char>(each) & 15];
  }
  return text;
}

salt counted() {
  salt secret;
  for (std::size_t i = 0; i < secret.size(); ++i)
    secret[i] = static_cast<unsigned char>(i);
  return secret;
}

TEST(records, have_these_keys) {
  // printf 'beanhouse\0+49301234567' | openssl dgst -sha256 -mac hmac -macopt hexkey:000102...1f, the first 16 bytes
  EXPECT_EQ(hex(phone_key(counted(), "beanhouse", "+49301234567")), "708e4aee11986478fa423d479f39a4ba01");
  EXPECT_NE(phone_key(counted(), "beanhouse", "+49301234567"), phone_key(counted(), "teahouse", "+49301234567"));
  EXPECT_NE(phone_key(counted(), "beanhouse", "+49301234567"), phone_key(salt{}, "beanhouse", "+49301234567"));
  EXPECT_EQ(account_key("beanhouse", "m-1"), std::string_view("abeanhouse\0m-1", 14));
  EXPECT_EQ(hex(intent_key(0x0102030405060708)), "690102030405060708");
}

TEST(records, have_these_bytes) {
  EXPECT_EQ(hex(encode_format(counted())), "5450455201000000"
                                           "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  EXPECT_EQ(hex(encode(account_record{{"12345", "Ada"}, {"p1"}})), "05003132333435"
                                                                   "0300416461"
                                                                   "010002007031");
  EXPECT_EQ(hex(encode(intent{intent::kind::keep, 7, "b", "m", {"12345", ""}, {}})), "01"
                                                                                     "010062"
                                                                                     "01006d"
                                                                                     "05003132333435"
                                                                                     "0000"
                                                                                     "0000");
}

TEST(records, are_read_back) {
  EXPECT_EQ(*decode_format(encode_format(counted())), counted());
  const account_record record{{"+49301234567", std::string(256, 'n')}, {"p1", "p2"}};
  const result<account_record> read = decode_account(encode(record));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->data, record.data);
  EXPECT_EQ(read->former_phone_keys, record.former_phone_keys);
  for (const intent& each : {intent{intent::kind::keep, ~0ull, "beanhouse", "", {"12345", "Ada"}, {}},
                             intent{intent::kind::erase, 1, "beanhouse", "m-1", {}, {"p1", "p2"}}}) {
    const result<intent> decoded = decode_intent(intent_key(each.number), encode(each));
    ASSERT_TRUE(decoded.ok());
    EXPECT_EQ(*decoded, each);
  }
}

TEST(records, that_are_damaged_are_named) {
  const std::string record = encode(account_record{{"12345", "Ada"}, {"p1"}});
  const std::string began = encode(intent{intent::kind::keep, 7, "b", "m", {"12345", "Ada"}, {"p1"}});
  for (std::size_t size = 0; size < record.size(); ++size)
    EXPECT_FALSE(decode_account(record.substr(0, size)).ok()) << size;
  for (std::size_t size = 0; size < began.size(); ++size)
    EXPECT_FALSE(decode_intent(intent_key(7), began.substr(0, size)).ok()) << size;
  EXPECT_FALSE(decode_account(record + "x").ok());
  EXPECT_FALSE(decode_intent(intent_key(7), began + "x").ok());
  EXPECT_FALSE(decode_intent("i", began).ok());
  EXPECT_FALSE(decode_intent(intent_key(0), began).ok());
  EXPECT_FALSE(decode_intent(intent_key(7), "\x03" + began.substr(1)).ok());
  std::string format = encode_format(counted());
  format[4] = 2;
  const result<salt> newer = decode_format(format);
  ASSERT_FALSE(newer.ok());
  EXPECT_NE(newer.error().what.find("version 2"), std::string::npos) << newer.error().what;
  EXPECT_FALSE(decode_format("TPER").ok());
}

} // namespace
} // namespace tally::personal
