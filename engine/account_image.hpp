// An account's state as bytes, so that it can leave memory and come back the same (docs/formats/image.md). What surrounds the bytes,
// their version and checksum, is snapshot/'s.
#pragma once

#include "engine/account.hpp"

#include <string>
#include <string_view>

namespace tally {

// Appends the state to `out`.
void write_image(const account_state& state, std::string& out);

// Reads what `write_image` wrote, all of `image`, over an account that has nothing yet. False: these bytes are no image; what
// `state` is then is not said.
[[nodiscard]] bool read_image(std::string_view image, account_state& state);

// The account's last entry, as an image says in its first bytes; 0: these bytes are no image.
seq_t last_seq_of_image(std::string_view image);

} // namespace tally
