// Looks for bytes in every file of a folder, as somebody would who has the disk.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

namespace tally::personal {

// The files that hold `text` anywhere, or are named after it.
std::vector<std::filesystem::path> files_with(const std::filesystem::path& folder, std::string_view text);

class temporary_folder {
public:
  temporary_folder();
  ~temporary_folder();
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;
  const std::filesystem::path& path() const { return path_; }

private:
  std::filesystem::path path_;
};

} // namespace tally::personal
