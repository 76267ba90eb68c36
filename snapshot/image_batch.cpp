#include "snapshot/image_batch.hpp"

#include "engine/account_image.hpp"
#include "engine/hash.hpp"

#include <algorithm>
#include <cstring>

namespace tally::snapshot {

namespace {

constexpr std::size_t usual_image_bytes = 512;
constexpr std::uint64_t checksum_seed = 1;
constexpr std::uint8_t lots_version = 1;

// A checksum of what came back: RocksDB verifies its files, this verifies everything up to here.
std::uint64_t checksum_of(std::string_view bytes) { return hash64(bytes, checksum_seed); }

// Of what was appended since `begin`.
std::uint64_t append_checksum(std::string& out, std::size_t begin) {
  const std::uint64_t checksum = checksum_of(std::string_view(out).substr(begin));
  out.append(reinterpret_cast<const char*>(&checksum), sizeof checksum);
  return checksum;
}

void append_image(const account_state& state, std::string& out) {
  out += static_cast<char>(image_version_of(state));
  write_image(state, out);
}

struct verified {
  std::uint8_t version = 0;
  std::string_view bytes; // between version and checksum
  std::uint64_t checksum = 0;
};

std::optional<verified> verify(std::string_view value) {
  std::uint64_t checksum = 0;
  if (value.size() <= 1 + sizeof checksum)
    return std::nullopt;
  const std::string_view checked = value.substr(0, value.size() - sizeof checksum);
  std::memcpy(&checksum, value.data() + checked.size(), sizeof checksum);
  if (checksum != checksum_of(checked))
    return std::nullopt;
  return verified{static_cast<std::uint8_t>(checked.front()), checked.substr(1), checksum};
}

std::optional<verified> verify_image(std::string_view value) {
  const std::optional<verified> image = verify(value);
  const bool is_known = image && image->version >= 1 && image->version <= image_version_max;
  return is_known ? image : std::nullopt;
}

void append_key(std::string& out, merchant_number merchant, std::string_view account) {
  for (int shift = 24; shift >= 0; shift -= 8)
    out += static_cast<char>(merchant >> shift & 0xff);
  out += account;
}

} // namespace

std::string image_key(merchant_number merchant, std::string_view account) {
  std::string key;
  append_key(key, merchant, account);
  return key;
}

merchant_number merchant_of_key(std::string_view key) {
  merchant_number number = 0;
  for (std::size_t i = 0; i < key_merchant_bytes; ++i)
    number = number << 8 | static_cast<unsigned char>(key[i]);
  return number;
}

std::string_view account_of_key(std::string_view key) { return key.substr(key_merchant_bytes); }

void image_batch::add(merchant_number merchant, std::string_view account, const account_state& state) {
  place added{bytes_.size(), 0, 0, state.next_due};
  append_key(bytes_, merchant, account);
  added.key_bytes = bytes_.size() - added.begin;
  const std::size_t begin = bytes_.size();
  append_image(state, bytes_);
  append_checksum(bytes_, begin);
  added.value_bytes = bytes_.size() - begin;
  places_.push_back(added);
  newest_ = std::max(newest_, state.last_seq);
}

void image_batch::add_spilled(seq_t enrolled, const spilled_record& record) { spilled_.push_back({enrolled, record}); }

void image_batch::add_lots(seq_t enrolled, const spilled_lots& piece) {
  lots& added = lots_.emplace_back(lots{enrolled, piece.piece.number, std::string(1, static_cast<char>(lots_version))});
  write_lots(piece.lots, added.value);
  append_checksum(added.value, 0);
  lot_bytes_ += added.value.size();
}

image_batch::image image_batch::at(std::size_t index) const {
  const place& here = places_[index];
  const std::string_view all = bytes_;
  return {all.substr(here.begin, here.key_bytes), all.substr(here.begin + here.key_bytes, here.value_bytes), here.due};
}

bool decode_image(std::string_view value, account_state& state) {
  const std::optional<verified> image = verify_image(value);
  return image && read_image(image->bytes, state) && image->version == image_version_of(state);
}

bool decode_lots(std::string_view value, const lot_piece& piece, std::vector<lot>& lots) {
  const std::optional<verified> bytes = verify(value);
  return bytes && bytes->version == lots_version && read_lots(bytes->bytes, lots) && is_piece_of(piece, lots);
}

std::optional<image_note> read_note(std::string_view value) {
  const std::optional<verified> image = verify_image(value);
  if (!image)
    return std::nullopt;
  return image_note{last_seq_of_image(image->bytes), image->checksum};
}

std::uint64_t image_checksum(const account_state& state) {
  std::string bytes;
  bytes.reserve(usual_image_bytes);
  append_image(state, bytes);
  return checksum_of(bytes);
}

} // namespace tally::snapshot
