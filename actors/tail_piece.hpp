// tail, piece by piece: the entries of one merchant from some seq on, as far as they are durable. Nothing is kept between two
// pieces: whoever asked for one (a port) asks for the next, from `document::seq` + 1, when there is room for it.
#pragma once

#include "actors/document.hpp"
#include "wal/journal.hpp"

namespace tally::actors {

struct read_query;

// Of one piece: entries that are shown, their bytes as an answer (roughly), and entries that were looked at.
inline constexpr std::size_t tail_entries_max = 256;
inline constexpr std::size_t tail_bytes_max = 64 * 1024;
inline constexpr std::uint64_t tail_scan_max = 16'384;

// `shown.seq` is the last entry that was looked at, the merchant's or not; `shown.more`: there was more to look at.
void tail_piece(const read_query& query, wal::journal_reader& journal, document& shown);

} // namespace tally::actors
