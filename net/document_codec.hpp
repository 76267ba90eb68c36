// The answers that do not fit a fixed reply, as frames of one outcome_document (net/tally.fbs): reads with entries, names
// of rewards and tiers, texts of refusals. What SPEC section 12 shows for which operation; absent is what has no value.
#pragma once

#include "actors/document.hpp"
#include "engine/outcome.hpp"
#include "net/frame.hpp"

namespace tally::net {

// Both overwrite the builder; the frame lives in it.
frame_bytes build_answer(flatbuffers::FlatBufferBuilder& builder, std::uint64_t id, const outcome& answer);
frame_bytes build_answer(flatbuffers::FlatBufferBuilder& builder, std::uint64_t id, const actors::document& answer);

// One entry as an answer would show it; lives in the builder, which is overwritten. `context` gives the rules: rates, places of money.
const wire::ledger_entry& build_entry(flatbuffers::FlatBufferBuilder& builder, const entry& shown, const actors::document& context);

// What the other side makes of it: the outcome with its texts, without names of tiers and rewards.
outcome read_head(const wire::outcome_document& document);

} // namespace tally::net
