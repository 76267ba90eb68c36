// Proofs that an entry is in the journal, for who has only a digest. A proof is the block in which the entry lies and, of every block
// from there to the digest's, what the chain of hashes needs of it (block_link). docs/audit.md says how large that gets.
#pragma once

#include "wal/journal.hpp"

#include <filesystem>
#include <optional>
#include <vector>

namespace tally::wal {

struct proof {
  seq_t number;
  bytes record; // the entry's own bytes, once more: a proof says which entry it is of
  bytes block;
  std::vector<block_link> links; // of the blocks after it, in order
  digest leads_to;
};

struct prove_options {
  std::filesystem::path folder; // the data folder, as given to tallyd
  seq_t number;
  std::optional<block_hash> against;           // a digest that was noted earlier; otherwise the newest
  std::function<void(seq_t reached)> progress; // may be empty
};

// Reads the journal from the entry's block on and checks it on the way. `missing`: no such entry, or no such digest from there on.
result<proof> audit_prove(const prove_options& options);

struct proven {
  entry what;       // its texts point into the proof, its lines into the buffer
  digest block;     // the last entry of its block and the block's hash
  digest reached;   // what the proof leads to
  seq_t earlier_at; // where the earlier digest that was asked for stood; 0: none was
};

// Checks a proof without trusting anything in it: recomputes every hash and reads every entry of the block. With `earlier`, also that
// this older digest is one of those the proof passes: then what it sealed is a part of what `sealed` seals. The failure
// says what is wrong.
result<proven> check_proof(const proof& given, const block_hash& sealed, const std::optional<block_hash>& earlier, decode_buffer& buffer);

} // namespace tally::wal
