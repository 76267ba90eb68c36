#include "tests/personal/folder_search.hpp"

#include "engine/assert.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

namespace tally::personal {

namespace fs = std::filesystem;

std::vector<fs::path> files_with(const fs::path& folder, std::string_view text) {
  std::vector<fs::path> found;
  for (const fs::directory_entry& each : fs::recursive_directory_iterator(folder)) {
    if (!each.is_regular_file())
      continue;
    std::ostringstream content;
    content << std::ifstream(each.path(), std::ios::binary).rdbuf();
    if (content.str().find(text) != std::string::npos || each.path().filename().string().find(text) != std::string::npos)
      found.push_back(each.path());
  }
  return found;
}

temporary_folder::temporary_folder() {
  std::string name = (fs::temp_directory_path() / "tally-personal-XXXXXX").string();
  TALLY_ASSERT(mkdtemp(name.data()) != nullptr);
  path_ = name;
}

temporary_folder::~temporary_folder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

} // namespace tally::personal
