#include "tests/crash/server_process.hpp"
#include "tests/crash/child_process.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace tally::crash {

std::string binary_folder() {
  if (const char* named = std::getenv("TALLY_BIN_DIR"))
    return named;
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().string();
}

server_process::server_process(const std::string& folder, const std::vector<std::string>& extra) {
  std::vector<std::string> words = {binary_folder() + "/tallyd", "--data", folder, "--listen", "127.0.0.1:0"};
  words.insert(words.end(), extra.begin(), extra.end());
  const child_process child = start_child(std::move(words), false);
  pid_ = child.pid;
  out_ = child.out;
}

server_process::~server_process() {
  if (pid_ > 0) {
    kill(SIGKILL);
    wait();
  }
  ::close(out_);
}

std::optional<std::uint16_t> server_process::wait_ready() {
  std::string line;
  char one = 0;
  while (::read(out_, &one, 1) == 1 && one != '\n')
    line.push_back(one);
  const std::size_t colon = line.rfind(':');
  if (one != '\n' || colon == std::string::npos)
    return std::nullopt;
  return static_cast<std::uint16_t>(std::strtoul(line.c_str() + colon + 1, nullptr, 10));
}

void server_process::kill(int signal) {
  if (pid_ > 0)
    ::kill(pid_, signal);
}

int server_process::wait() {
  int state = 0;
  while (::waitpid(pid_, &state, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
}

bool repair(const std::string& folder) {
  const std::string asked = "'" + binary_folder() + "/tally' repair '" + folder + "' 2>&1";
  FILE* said = ::popen(asked.c_str(), "r");
  if (said == nullptr)
    return false;
  std::string text;
  char piece[256];
  while (std::fgets(piece, sizeof piece, said) != nullptr)
    text += piece;
  const int state = ::pclose(said);
  std::printf("tally repair: %s", text.c_str());
  return state == 0 && text.find(" 0 bytes dropped") == std::string::npos;
}

} // namespace tally::crash
