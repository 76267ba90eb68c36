// What the commands below `tally audit` share. They read a data folder without a server.
#pragma once

#include "engine/instant.hpp"
#include "engine/quantities.hpp"
#include "wal/sealed_digest.hpp"

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
void register_audit_digest(CLI::App& audit, int& status); // net/cli_digest.cpp

inline constexpr const char* data_folder_help = "the data folder; a server may be serving it";

// Lower-case hexadecimal, there and back; reads nothing else.
void append_hex(std::string& out, std::span<const std::byte> bytes);
std::string hex_of(std::span<const std::byte> bytes);
bool read_hex(std::string_view text, wal::bytes& out);
std::optional<wal::block_hash> read_hash(std::string_view text);

// SEQ|TIME as --until has it; false: it is neither.
bool read_until(const std::string& text, std::optional<seq_t>& seq, std::optional<instant>& time);

// A file that `tally audit digest` wrote.
result<wal::sealed_digest> read_sealed_digest(const std::string& file);

// On a terminal, a line that is written over as the work goes on; nothing in a pipe.
std::function<void(seq_t)> progress_line();
// The same with how much there is, and how fast it goes.
std::function<void(seq_t reached, seq_t newest)> progress_line_of_all();
void end_progress();

} // namespace tally::net
