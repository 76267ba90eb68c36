// The account images of a data folder, as the auditor compares them with what the entries come to.
#pragma once

#include "wal/audit.hpp"

#include <filesystem>
#include <memory>

namespace tally::net {

// Null: the folder has none. Opened before the journal is, so that no image is newer than what is read of it.
result<std::unique_ptr<wal::image_source>> open_audited_images(const std::filesystem::path& data_folder);

} // namespace tally::net
