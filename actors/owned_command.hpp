// Commands that outlive the frame they came in: for another shard, for a reader, for a CAF message.
#pragma once

#include "engine/command.hpp"

#include <memory>
#include <vector>

namespace tally::actors {

// Keeps the texts and receipt lines that commands point to, in few large pieces. Never moves what it keeps.
class command_arena {
public:
  // The same command, pointing into the arena.
  command keep(const command& original);
  std::string_view keep(std::string_view text);

private:
  char* allocate(std::size_t bytes);

  std::vector<std::unique_ptr<char[]>> chunks_;
  std::size_t left_ = 0;
  char* next_ = nullptr;
};

// One command and what it points to. Not copyable: shared where it must be (std::shared_ptr).
class owned_command {
public:
  explicit owned_command(const command& original) : value_(arena_.keep(original)) {}
  owned_command(const owned_command&) = delete;
  owned_command& operator=(const owned_command&) = delete;

  const command& get() const { return value_; }

private:
  command_arena arena_;
  command value_;
};

} // namespace tally::actors
