// What the commands below `tally audit` share. They read a data folder without a server.
#pragma once

#include "engine/instant.hpp"
#include "engine/quantities.hpp"
#include "wal/block.hpp"

#include <functional>
#include <optional>
#include <span>
#include <string>

namespace CLI {
class App;
}

namespace tally::net {

void register_audit_export(CLI::App& audit, int& status); // net/cli_export.cpp
void register_audit_proofs(CLI::App& audit, int& status); // net/cli_proof.cpp: prove, check

inline constexpr const char* data_folder_help = "the data folder of a server that is not running";

// Lower-case hexadecimal, there and back; reads nothing else.
void append_hex(std::string& out, std::span<const std::byte> bytes);
std::string hex_of(std::span<const std::byte> bytes);
bool read_hex(std::string_view text, wal::bytes& out);
std::optional<wal::block_hash> read_hash(std::string_view text);

// SEQ|TIME as --until has it; false: it is neither.
bool read_until(const std::string& text, std::optional<seq_t>& seq, std::optional<instant>& time);

// On a terminal, a line that is written over as the work goes on; nothing in a pipe.
std::function<void(seq_t)> progress_line();
void end_progress();

} // namespace tally::net
