// Frames made to hurt: each looks like a FlatBuffer at first sight and is none that may be taken.
#pragma once

#include "net/frame.hpp"
#include "net/operation_codec.hpp"

#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace tally::net::test {

struct hostile_frame {
  std::string name;
  std::vector<std::byte> bytes;
};

// The ids that an answer frame answers.
inline void add_ids(const wire::answer& answer, std::vector<std::uint64_t>& ids) {
  if (answer.outcome() != nullptr)
    ids.push_back(answer.outcome()->head()->id());
  if (answer.replies() != nullptr) {
    for (const wire::reply* reply : *answer.replies())
      ids.push_back(reply->id());
  }
}

inline std::vector<std::byte> copy_of(frame_bytes bytes) { return {bytes.begin(), bytes.end()}; }

// A good request of `count` earns of one account.
inline std::vector<std::byte> earn_frame(std::uint64_t first_id, std::uint32_t count, std::string_view account = "m-1") {
  flatbuffers::FlatBufferBuilder builder;
  begin_frame(builder);
  std::vector<op> kinds(count, op::earn);
  std::vector<flatbuffers::Offset<void>> tables;
  const sale_line line{"BEAN-1KG", "beans", 2, {300'000}};
  for (std::uint32_t i = 0; i < count; ++i) {
    command earn;
    earn.kind = op::earn;
    earn.merchant = "beanhouse";
    earn.account = account;
    const std::string order = "o-" + std::to_string(first_id + i);
    earn.order = order;
    earn.total = money_t{425'000};
    earn.lines = {&line, 1};
    tables.push_back(encode_operation(builder, earn));
  }
  return copy_of(finish_request(builder, first_id, kinds, tables));
}

// Writes raw FlatBuffers, forward, with whatever offsets one likes.
class raw_frame {
public:
  raw_frame() { u32(0), u32(0), text("TLY1"); }
  std::uint32_t here() const { return static_cast<std::uint32_t>(bytes_.size()); }
  void u8(std::uint8_t value) { put(&value, 1); }
  void u16(std::uint16_t value) { put(&value, 2); }
  void u32(std::uint32_t value) { put(&value, 4); }
  void text(std::string_view value) { put(value.data(), value.size()); }
  void align(std::size_t to) {
    while (bytes_.size() % to != 0)
      u8(0);
  }
  void patch_u32(std::uint32_t at, std::uint32_t value) { std::memcpy(bytes_.data() + at, &value, 4); }
  void root(std::uint32_t table) { patch_u32(4, table - 4); }

  // The table `frame` with a body of that type at an offset still to be patched; returns where that offset is.
  std::uint32_t begin(std::uint8_t body_type) {
    const std::uint32_t vtable = here();
    u16(8), u16(12), u16(8), u16(4);
    const std::uint32_t table = here();
    root(table);
    u32(table - vtable);
    const std::uint32_t body = here();
    u32(0);
    u32(body_type);
    return body;
  }
  // A request table with both vectors still to be patched.
  struct request_places {
    std::uint32_t types, operations;
  };
  request_places request(std::uint32_t body_place) {
    align(4);
    const std::uint32_t vtable = here();
    u16(10), u16(12), u16(0), u16(4), u16(8);
    align(4);
    const std::uint32_t table = here();
    point(body_place, table);
    u32(table - vtable);
    const request_places places{here(), here() + 4};
    u32(0), u32(0);
    return places;
  }
  void point(std::uint32_t place, std::uint32_t target) { patch_u32(place, target - place); }
  // `count` operations of one type that are all the same table.
  void same_operations(const request_places& places, std::uint8_t type, std::uint32_t count, std::uint32_t& first_offset) {
    align(4);
    point(places.types, here());
    u32(count);
    for (std::uint32_t i = 0; i < count; ++i)
      u8(type);
    align(4);
    point(places.operations, here());
    u32(count);
    first_offset = here();
    for (std::uint32_t i = 0; i < count; ++i)
      u32(0);
  }
  void all_point(std::uint32_t first_offset, std::uint32_t count, std::uint32_t target) {
    for (std::uint32_t i = 0; i < count; ++i)
      point(first_offset + 4 * i, target);
  }

  std::vector<std::byte> finish() {
    align(8);
    patch_u32(0, here() - 4);
    std::vector<std::byte> out(bytes_.size());
    std::memcpy(out.data(), bytes_.data(), bytes_.size());
    return out;
  }

private:
  void put(const void* from, std::size_t size) {
    const auto* begin = static_cast<const std::uint8_t*>(from);
    bytes_.insert(bytes_.end(), begin, begin + size);
  }
  std::vector<std::uint8_t> bytes_;
};

// Many operations that share one table with one huge vector of kinds, all the same string.
inline std::vector<std::byte> shared_kinds(std::uint32_t operations, std::uint32_t kinds) {
  raw_frame out;
  const auto places = out.request(out.begin(2));
  std::uint32_t offsets = 0;
  out.same_operations(places, static_cast<std::uint8_t>(op::count), operations, offsets);
  out.align(4);
  const std::uint32_t vtable = out.here();
  out.u16(18), out.u16(8); // only the seventh field, kinds
  for (int i = 0; i < 6; ++i)
    out.u16(0);
  out.u16(4);
  out.align(4);
  const std::uint32_t table = out.here();
  out.u32(table - vtable);
  const std::uint32_t vector_place = out.here();
  out.u32(0);
  out.all_point(offsets, operations, table);
  out.point(vector_place, out.here());
  out.u32(kinds);
  const std::uint32_t strings = out.here();
  for (std::uint32_t i = 0; i < kinds; ++i)
    out.u32(0);
  const std::uint32_t string = out.here();
  out.u32(4), out.text("earn"), out.u8(0);
  out.all_point(strings, kinds, string);
  return out.finish();
}

// Many operations that share one table without fields: small on the wire, many for a verifier.
inline std::vector<std::byte> shared_tables(std::uint32_t operations) {
  raw_frame out;
  const auto places = out.request(out.begin(2));
  std::uint32_t offsets = 0;
  out.same_operations(places, static_cast<std::uint8_t>(op::programs), operations, offsets);
  out.align(4);
  const std::uint32_t vtable = out.here();
  out.u16(4), out.u16(4);
  const std::uint32_t table = out.here();
  out.u32(table - vtable);
  out.all_point(offsets, operations, table);
  return out.finish();
}

// One earn whose lines are `lines` times the same table.
inline std::vector<std::byte> shared_lines(std::uint32_t operations, std::uint32_t lines) {
  raw_frame out;
  const auto places = out.request(out.begin(2));
  std::uint32_t offsets = 0;
  out.same_operations(places, static_cast<std::uint8_t>(op::earn), operations, offsets);
  out.align(4);
  const std::uint32_t vtable = out.here();
  out.u16(24), out.u16(8);
  for (int field = 0; field < 9; ++field)
    out.u16(0);
  out.u16(4); // the tenth: lines
  out.align(4);
  const std::uint32_t table = out.here();
  out.u32(table - vtable);
  const std::uint32_t vector_place = out.here();
  out.u32(0);
  out.all_point(offsets, operations, table);
  out.point(vector_place, out.here());
  out.u32(lines);
  const std::uint32_t line_places = out.here();
  for (std::uint32_t i = 0; i < lines; ++i)
    out.u32(0);
  out.align(8);
  const std::uint32_t line_vtable = out.here();
  out.u16(12), out.u16(16), out.u16(4), out.u16(0), out.u16(0), out.u16(8);
  out.align(8);
  const std::uint32_t line = out.here();
  out.u32(line - line_vtable);
  const std::uint32_t sku_place = out.here();
  out.u32(0);
  out.u32(1), out.u32(0);
  out.point(sku_place, out.here());
  out.u32(1), out.text("A"), out.u8(0);
  out.all_point(line_places, lines, line);
  return out.finish();
}

inline std::vector<hostile_frame> hostile_frames() {
  std::vector<hostile_frame> out;
  const std::vector<std::byte> good = earn_frame(1, 4);
  const auto changed = [&](std::string name, auto change) {
    std::vector<std::byte> bytes = good;
    change(bytes);
    out.push_back({std::move(name), std::move(bytes)});
  };
  changed("another identifier", [](auto& b) { b[8] = std::byte{'X'}; });
  changed("a root offset outside", [](auto& b) {
    const std::uint32_t far = 1u << 30;
    std::memcpy(b.data() + 4, &far, 4);
  });
  changed("a root offset beyond 32 bits' sign", [](auto& b) {
    const std::uint32_t far = 0xfffffff0;
    std::memcpy(b.data() + 4, &far, 4);
  });
  changed("a root offset of zero", [](auto& b) {
    const std::uint32_t zero = 0;
    std::memcpy(b.data() + 4, &zero, 4);
  });
  changed("cut in half, prefix mended", [](auto& b) {
    b.resize(b.size() / 2 / 8 * 8);
    const auto length = static_cast<std::uint32_t>(b.size() - 4);
    std::memcpy(b.data(), &length, 4);
  });
  changed("all zeros", [](auto& b) { std::fill(b.begin() + 4, b.end(), std::byte{}); });
  changed("all ones", [](auto& b) { std::fill(b.begin() + 12, b.end(), std::byte{0xff}); });

  std::mt19937_64 random(1);
  changed("random bytes", [&](auto& b) {
    for (std::size_t i = 4; i < b.size(); ++i)
      b[i] = static_cast<std::byte>(random());
  });
  for (const int type : {0, 3, 4, 77, 255}) {
    raw_frame body;
    const std::uint32_t place = body.begin(static_cast<std::uint8_t>(type));
    const std::uint32_t vtable = body.here();
    body.u16(4), body.u16(4);
    const std::uint32_t table = body.here();
    body.u32(table - vtable);
    body.point(place, table);
    out.push_back({"body type " + std::to_string(type), body.finish()});
  }
  {
    raw_frame body; // a request whose two vectors differ in length
    const auto places = body.request(body.begin(2));
    std::uint32_t offsets = 0;
    body.same_operations(places, static_cast<std::uint8_t>(op::earn), 2, offsets);
    body.patch_u32(offsets - 4, 1);
    out.push_back({"more types than operations", body.finish()});
  }
  {
    raw_frame body; // an operation that is the request itself: a circle cannot be, offsets go forward; overlapping can
    const auto places = body.request(body.begin(2));
    std::uint32_t offsets = 0;
    body.same_operations(places, static_cast<std::uint8_t>(op::earn), 1, offsets);
    body.point(offsets, offsets + 2);
    out.push_back({"an operation inside its own offset", body.finish()});
  }
  out.push_back({"an answer", copy_of([&] {
                   static flatbuffers::FlatBufferBuilder builder;
                   begin_frame(builder);
                   return finish_frame(builder, wire::frame_body::answer, wire::Createanswer(builder).Union());
                 }())});
  out.push_back({"4,000 operations with 60,000 kinds each, shared", shared_kinds(4'000, 60'000)});
  out.push_back({"more operations than a frame may hold", shared_tables(request_operations_max + 1)});
  out.push_back({"200,000 operations, one table", shared_tables(200'000)});
  out.push_back({"20 operations with 100,000 lines each, shared", shared_lines(20, 100'000)});
  out.push_back({"4,000 operations with 1,000 lines each, shared", shared_lines(4'000, 1'000)});
  return out;
}

} // namespace tally::net::test
