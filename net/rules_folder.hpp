// The folder of rules documents that `tallyd --rules` watches: one .toml file a merchant, put into force when it appears or changes.
// What a document may say is docs/rules.md; making it a version is the ledger's, asked as any client asks.
#pragma once

#include "engine/result.hpp"
#include "net/client.hpp"

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace tally::net {

// Looks at the folder twice a second. A file counts once it has stood still from one look to the next, so that a half-written one is not
// read. An invalid document is reported with every problem, once until the file changes; the version in force stays. A file
// that goes away changes nothing.
// Lifecycle: made when the server answers; `apply_all` once, then `watch`; stops when destroyed.
// Thread: the owner's, and from `watch` on one of its own.
class rules_folder {
public:
  // `report` gets lines for people, an error's first argument being true; it is called on both threads, never at once.
  using reporter = std::function<void(bool is_error, const std::string& line)>;

  rules_folder(std::filesystem::path folder, const client_options& server, reporter report);
  ~rules_folder();

  // Puts every document of the folder into force that is valid; returns when all were decided.
  void apply_all();
  void watch();

private:
  struct stamp {
    std::filesystem::file_time_type changed;
    std::uintmax_t bytes = 0;

    bool operator==(const stamp&) const = default;
  };
  struct known_file {
    stamp seen;
    bool is_decided = false; // in this state
    std::string merchant;    // whose rules it holds, once it was in force
  };

  void look(bool at_once);
  void apply(const std::filesystem::path& file, known_file& known);
  void refuse(const std::filesystem::path& file, const std::string& why) const;
  void name_problem(const std::filesystem::path& file, std::uint32_t line, const std::string& key, const std::string& what) const;
  void run();

  const std::filesystem::path folder_;
  const client_options server_;
  const reporter report_;
  std::unique_ptr<client> client_;
  std::map<std::filesystem::path, known_file> files_;
  bool is_missing_ = false;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

} // namespace tally::net
