// docs/formats/image.md
#include "snapshot/recovery_point.hpp"

#include "engine/hash.hpp"
#include "engine/varint.hpp"

#include <cstring>

namespace tally::snapshot {

namespace {

constexpr std::uint8_t point_version = 1;

void put(std::string& out, std::uint64_t value) {
  std::byte room[varint_bytes_max + 8];
  const std::byte* end = put_varint(room, value);
  out.append(reinterpret_cast<const char*>(room), static_cast<std::size_t>(end - room));
}

} // namespace

std::string encode_point(const recovery_point& point) {
  std::string out;
  out += static_cast<char>(point_version);
  put(out, point.seq.value);
  out.append(reinterpret_cast<const char*>(point.hash.data()), point.hash.size());
  put(out, point.merchants.size());
  for (const merchant_record& each : point.merchants) {
    put(out, each.number);
    put(out, each.id.size());
    out += each.id;
    put(out, each.programs.size());
    for (const seq_t version : each.programs)
      put(out, version.value);
  }
  put(out, point.reviews.size());
  for (const review_record& each : point.reviews) {
    put(out, each.merchant);
    put(out, each.review.value);
  }
  const std::uint64_t checksum = hash64(out, point_version);
  out.append(reinterpret_cast<const char*>(&checksum), sizeof checksum);
  return out;
}

std::optional<recovery_point> decode_point(std::string_view bytes) {
  std::uint64_t checksum = 0;
  if (bytes.size() <= sizeof checksum || static_cast<std::uint8_t>(bytes.front()) != point_version)
    return std::nullopt;
  const std::string_view body = bytes.substr(0, bytes.size() - sizeof checksum);
  std::memcpy(&checksum, bytes.data() + body.size(), sizeof checksum);
  if (checksum != hash64(body, point_version))
    return std::nullopt;
  byte_cursor in(reinterpret_cast<const std::byte*>(body.data()) + 1, reinterpret_cast<const std::byte*>(body.data() + body.size()));
  recovery_point point;
  point.seq = {in.varint()};
  const std::string_view hash = in.text(point.hash.size());
  std::memcpy(point.hash.data(), hash.data(), hash.size());
  for (std::uint64_t left = in.varint(); left > 0 && !in.bad(); --left) {
    merchant_record& each = point.merchants.emplace_back();
    each.number = static_cast<merchant_number>(in.varint());
    each.id = in.text(in.varint());
    for (std::uint64_t versions = in.varint(); versions > 0 && !in.bad(); --versions)
      each.programs.push_back({in.varint()});
  }
  for (std::uint64_t left = in.varint(); left > 0 && !in.bad(); --left) {
    const auto merchant = static_cast<merchant_number>(in.varint());
    point.reviews.push_back({merchant, {in.varint()}});
  }
  if (in.bad() || in.left() != 0)
    return std::nullopt;
  return point;
}

} // namespace tally::snapshot
