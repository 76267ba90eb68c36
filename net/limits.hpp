// What the wire allows: sizes, counts and times, in one place. Explained in docs/formats/frame.md.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace tally::net {

inline constexpr std::uint16_t protocol_version = 1;
inline constexpr char file_identifier[] = "TLY1";

// A frame with its size prefix. Always a multiple of 8, so that frames stay aligned one behind the other.
inline constexpr std::size_t frame_alignment = 8;
inline constexpr std::size_t frame_bytes_min = 16;
inline constexpr std::size_t request_frame_bytes_max = 1024 * 1024;
inline constexpr std::size_t answer_frame_bytes_max = 256 * 1024 * 1024; // a history of large receipts

// What the verifier walks. A receipt line is a table of its own.
inline constexpr std::uint32_t request_depth_max = 16;
inline constexpr std::uint32_t request_tables_max = 8192;
inline constexpr std::uint32_t request_operations_max = 4096;
inline constexpr std::uint32_t kinds_max = 64; // names in a list of kinds
inline constexpr std::uint32_t answer_depth_max = 16;
inline constexpr std::uint32_t answer_tables_max = 16'000'000;

// Fields of operations.
inline constexpr std::size_t id_bytes_max = 64;
inline constexpr std::size_t text_bytes_max = 256; // name, reason, note
inline constexpr std::size_t lines_max = 1000;
inline constexpr std::uint32_t history_limit_max = 1000;
inline constexpr std::int32_t minutes_max = 10'080;     // of a reservation: a week
inline constexpr std::int32_t expire_days_max = 36'500; // as in the rules document

// One session. Past these the server stops reading that socket, and nothing else.
inline constexpr std::uint32_t in_flight_weight_max = 4096; // an operation weighs 1, a history by its limit
inline constexpr std::size_t output_bytes_max = 4 * 1024 * 1024;
inline constexpr std::uint32_t replies_per_frame_max = 512;
inline constexpr std::chrono::milliseconds tail_pause{5}; // at the end of the journal: what comes in the meantime goes in one piece

struct server_limits {
  std::uint32_t connections_max = 10'000;
  std::size_t memory_bytes_max = 512 * 1024 * 1024;      // of all connections' buffers; past it the largest are not read
  std::uint32_t tails_max = 1'000;                       // each may hold one piece that is not taken
  std::chrono::milliseconds hello_timeout{10'000};       // connected and silent
  std::chrono::milliseconds half_frame_timeout{10'000};  // a frame that began and does not end
  std::chrono::milliseconds slow_reader_timeout{30'000}; // answers that were sent and are not taken
  std::chrono::milliseconds linger_timeout{1'000};       // after the last byte, for the other side to close
  std::chrono::milliseconds drain_timeout{10'000};       // of a server that stops
};

} // namespace tally::net
