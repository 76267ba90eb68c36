#include "personal/records.hpp"

#include "engine/format_version.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cstring>

namespace tally::personal {

namespace {

constexpr std::string_view magic = "TPER";
constexpr unsigned char format_version = 1;
constexpr std::size_t phone_key_bytes = 1 + 16;

void put_text(std::string& out, std::string_view text) { // up to 64 KiB
  TALLY_ASSERT(text.size() <= UINT16_MAX, static_cast<long long>(text.size()));
  out += static_cast<char>(text.size() & 0xff);
  out += static_cast<char>(text.size() >> 8);
  out += text;
}

void put_list(std::string& out, const std::vector<std::string>& texts) {
  TALLY_ASSERT(texts.size() <= UINT16_MAX, static_cast<long long>(texts.size()));
  out += static_cast<char>(texts.size() & 0xff);
  out += static_cast<char>(texts.size() >> 8);
  for (const std::string& each : texts)
    put_text(out, each);
}

// Reads from the front; `ok` is false once something was missing.
struct reader {
  std::string_view left;
  bool ok = true;

  std::size_t size() {
    ok = ok && left.size() >= 2;
    if (!ok)
      return 0;
    const std::size_t value = static_cast<unsigned char>(left[0]) | static_cast<std::size_t>(static_cast<unsigned char>(left[1])) << 8;
    left.remove_prefix(2);
    return value;
  }
  std::string text() {
    const std::size_t bytes = size();
    ok = ok && left.size() >= bytes;
    if (!ok)
      return {};
    std::string value(left.substr(0, bytes));
    left.remove_prefix(bytes);
    return value;
  }
  std::vector<std::string> list() {
    std::vector<std::string> texts;
    for (std::size_t count = size(); ok && count > 0; --count)
      texts.push_back(text());
    return texts;
  }
  bool whole() const { return ok && left.empty(); }
};

failure damaged(const char* what) { return {failure_code::corrupt, std::string(what) + " is damaged"}; }

} // namespace

std::string phone_key(const salt& secret, std::string_view merchant, std::string_view phone) {
  std::string named(merchant);
  named += '\0'; // which no merchant's id has
  named += phone;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  const bool done = HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), reinterpret_cast<const unsigned char*>(named.data()),
                         named.size(), digest.data(), &size) != nullptr;
  TALLY_ASSERT(done && size >= phone_key_bytes, size);
  std::string key = "p";
  key.append(reinterpret_cast<const char*>(digest.data()), phone_key_bytes - 1);
  return key;
}

std::string account_key(std::string_view merchant, std::string_view account) {
  std::string key = "a";
  key += merchant;
  key += '\0';
  key += account;
  return key;
}

std::string intent_key(std::uint64_t number) {
  std::string key(first_intent_key);
  for (int shift = 56; shift >= 0; shift -= 8)
    key += static_cast<char>(number >> shift);
  return key;
}

std::string encode_format(const salt& secret) {
  std::string bytes(magic);
  bytes += static_cast<char>(format_version);
  bytes.append(3, '\0');
  bytes.append(reinterpret_cast<const char*>(secret.data()), secret.size());
  return bytes;
}

result<salt> decode_format(std::string_view bytes) {
  salt secret;
  if (!bytes.starts_with(magic) || bytes.size() <= magic.size())
    return damaged("the format record");
  if (const auto version = static_cast<unsigned char>(bytes[magic.size()]); version != format_version)
    return other_format("the store", version, format_version);
  if (bytes.size() != magic.size() + 4 + secret.size())
    return damaged("the format record");
  std::memcpy(secret.data(), bytes.data() + magic.size() + 4, secret.size());
  return secret;
}

std::string encode(const account_record& record) {
  std::string bytes;
  put_text(bytes, record.data.phone);
  put_text(bytes, record.data.name);
  put_list(bytes, record.former_phone_keys);
  return bytes;
}

result<account_record> decode_account(std::string_view bytes) {
  reader in{bytes};
  account_record record;
  record.data.phone = in.text();
  record.data.name = in.text();
  record.former_phone_keys = in.list();
  if (!in.whole())
    return damaged("an account's record");
  return record;
}

std::string encode(const intent& intent) {
  std::string bytes(1, static_cast<char>(intent.what));
  put_text(bytes, intent.merchant);
  put_text(bytes, intent.account);
  put_text(bytes, intent.data.phone);
  put_text(bytes, intent.data.name);
  put_list(bytes, intent.phone_keys);
  return bytes;
}

result<intent> decode_intent(std::string_view key, std::string_view bytes) {
  const bool is_sound = key.size() == first_intent_key.size() + 8 && !bytes.empty() &&
                        (bytes[0] == static_cast<char>(intent::kind::keep) || bytes[0] == static_cast<char>(intent::kind::erase));
  if (!is_sound)
    return damaged("an intent");
  intent decoded;
  decoded.what = static_cast<intent::kind>(bytes[0]);
  for (const char digit : key.substr(first_intent_key.size()))
    decoded.number = decoded.number << 8 | static_cast<unsigned char>(digit);
  reader in{bytes.substr(1)};
  decoded.merchant = in.text();
  decoded.account = in.text();
  decoded.data.phone = in.text();
  decoded.data.name = in.text();
  decoded.phone_keys = in.list();
  if (!in.whole() || decoded.number == 0)
    return damaged("an intent");
  return decoded;
}

} // namespace tally::personal
