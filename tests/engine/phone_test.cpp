// The normal form of phone numbers.
#include "engine/phone.hpp"

#include <gtest/gtest.h>

#include <string>

namespace tally {
namespace {

std::string normal(std::string_view text) {
  const std::optional<phone_number> found = normal_phone(text);
  return found ? std::string(found->view()) : "malformed";
}

TEST(phone, is_brought_into_its_normal_form) {
  EXPECT_EQ(normal("+49 (30) 123-45.67"), "+49301234567");
  EXPECT_EQ(normal("0049 30 1234567"), "+49301234567");
  EXPECT_EQ(normal("0 0 4-9 30 1234567"), "+49301234567") << "what is dropped may stand anywhere";
  EXPECT_EQ(normal("030 1234567"), "0301234567") << "a national number stays one";
  EXPECT_EQ(normal(" (+) 49301"), "+49301");
  EXPECT_EQ(normal(normal("0049301234567")), "+49301234567") << "the normal form is its own";
}

TEST(phone, has_5_to_15_digits) {
  EXPECT_EQ(normal("1234"), "malformed");
  EXPECT_EQ(normal("12345"), "12345");
  EXPECT_EQ(normal("+1234"), "malformed");
  EXPECT_EQ(normal("+12345"), "+12345");
  EXPECT_EQ(normal("001234"), "malformed") << "the zeros are no digits of it";
  EXPECT_EQ(normal("0012345"), "+12345");
  EXPECT_EQ(normal("123456789012345"), "123456789012345");
  EXPECT_EQ(normal("1234567890123456"), "malformed");
  EXPECT_EQ(normal("+123456789012345"), "+123456789012345");
  EXPECT_EQ(normal("+1234567890123456"), "malformed");
  EXPECT_EQ(normal("00123456789012345"), "+123456789012345");
  EXPECT_EQ(normal("001234567890123456"), "malformed");
  EXPECT_EQ(normal(std::string(1000, '1')), "malformed");
  EXPECT_EQ(normal("12345" + std::string(1000, ' ')), "12345");
}

TEST(phone, holds_nothing_else) {
  for (const std::string_view text :
       {"", " ", "+", "00", "abcde", "12345a", "++12345", "12+345", "12345+", "12345/6", "\x31\x32\x33\x34\x35\n",
        "+49\xc2\xa0"
        "30123",
        "\xef\xbc\x91\xef\xbc\x92\xef\xbc\x93\xef\xbc\x94\xef\xbc\x95"})
    EXPECT_EQ(normal(text), "malformed") << text;
  EXPECT_EQ(normal(std::string_view("12345\0", 6)), "malformed");
}

TEST(phone, equal_numbers_are_equal) {
  EXPECT_EQ(normal_phone("0049 30 1"), normal_phone("+49301"));
  EXPECT_NE(normal_phone("+49301"), normal_phone("49301"));
}

} // namespace
} // namespace tally
