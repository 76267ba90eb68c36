// The answers that tills wait for: a frame of fixed `reply` structs, written forward, straight into the connection's
// buffer. A FlatBuffer laid by hand: a constant head, then the structs; closing it means patching two lengths.
// Its bytes: docs/formats/frame.md.
#pragma once

#include "engine/outcome.hpp"
#include "net/tally_generated.h"

#include <cstddef>
#include <cstdint>

namespace tally::net {

inline constexpr std::size_t reply_frame_head_bytes = 56;
inline constexpr std::size_t reply_bytes = sizeof(wire::reply);

// Writes the head of an empty frame.
void begin_reply_frame(std::byte* frame);
// The frame now holds this many replies behind its head.
void set_reply_count(std::byte* frame, std::uint32_t count);

// False: the outcome has more than a reply holds (texts, lists, a tier, a review ...) and needs an outcome document.
bool fits_reply(const outcome& answer);
wire::reply make_reply(std::uint64_t id, const outcome& answer);
outcome read_reply(const wire::reply& reply);

} // namespace tally::net
