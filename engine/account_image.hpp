// An account's state as bytes, so that it can leave memory and come back the same (docs/formats/image.md). What surrounds the bytes,
// their version and checksum, is snapshot/'s.
#pragma once

#include "engine/account.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tally {

// Of the layout: the second says besides what the state has on disk of lots, refunds and the like; who has nothing of it keeps to the
// first.
std::uint8_t image_version_of(const account_state& state);
inline constexpr std::uint8_t image_version_max = 2;

// Appends the state to `out`.
void write_image(const account_state& state, std::string& out);

// Reads what `write_image` wrote, all of `image`, over an account that has nothing yet. False: these bytes are no image; what
// `state` is then is not said.
[[nodiscard]] bool read_image(std::string_view image, account_state& state);

// The lots of a piece (engine/spilled_lots.hpp), as bytes; by id, with points available only.
void write_lots(std::span<const lot> lots, std::string& out);
// Likewise; false: these bytes are no lots.
[[nodiscard]] bool read_lots(std::string_view bytes, std::vector<lot>& lots);

// The account's last entry, as an image says in its first bytes; 0: these bytes are no image.
seq_t last_seq_of_image(std::string_view image);

} // namespace tally
