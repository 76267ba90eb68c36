// A copy of the personal data in one file, for a backup: made beside a server, and made into a folder again. docs/formats/personal_copy.md.
#pragma once

#include "personal/records.hpp"

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>

namespace tally::personal {

// Hands out the copy of what lies in `folder`, piece by piece; false: there is no such folder. A server may be at work there: what it has
// acknowledged is in the copy, each change whole or not at all. `write` fails: so does this.
using write_piece = std::function<result<void>(std::string_view bytes)>;
result<bool> copy_out(const std::filesystem::path& folder, const write_piece& write);

// Reads such a file and visits the accounts it has data of, in order.
result<void> visit_copy(const std::filesystem::path& file,
                        const std::function<void(std::string_view merchant, std::string_view account)>& visit);

// Makes a new folder of it: the accounts that `wanted` accepts, and every change that was begun and not done (a server settles or drops
// those by the journal when it starts).
using account_filter = std::function<bool(std::string_view merchant, std::string_view account)>;
result<void> copy_in(const std::filesystem::path& file, const std::filesystem::path& folder, const account_filter& wanted);

} // namespace tally::personal
