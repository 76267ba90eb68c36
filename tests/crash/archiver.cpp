#include "tests/crash/archiver.hpp"
#include "tests/crash/child_process.hpp"
#include "tests/crash/server_process.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace tally::crash {

archiver::archiver(std::string folder, std::string to) : folder_(std::move(folder)), to_(std::move(to)) {}

archiver::~archiver() { kill(); }

void archiver::start(std::uint64_t before) {
  if (pid_ > 0)
    std::abort();
  const child_process child =
      start_child({binary_folder() + "/tally", "archive", folder_, "--before", std::to_string(before), "--to", to_}, true);
  pid_ = child.pid;
  out_ = child.out;
  ++started;
}

bool archiver::runs() {
  int state = 0;
  if (pid_ > 0 && ::waitpid(pid_, &state, WNOHANG) == pid_)
    ended(state);
  return pid_ > 0;
}

void archiver::kill() {
  if (!runs())
    return;
  ::kill(pid_, SIGKILL);
  wait();
}

void archiver::wait() {
  int state = 0;
  while (pid_ > 0) {
    if (::waitpid(pid_, &state, 0) == pid_)
      ended(state);
    else if (errno != EINTR)
      std::abort();
  }
}

void archiver::ended(int state) {
  std::string said(4096, '\0');
  const ssize_t got = ::read(out_, said.data(), said.size());
  said.resize(static_cast<std::size_t>(got > 0 ? got : 0));
  ::close(out_);
  pid_ = -1;
  if (WIFSIGNALED(state) && WTERMSIG(state) == SIGKILL)
    ++killed;
  else if (WIFEXITED(state) && WEXITSTATUS(state) == 1 && said.find("tally repair") != std::string::npos)
    ++in_need_of_repair;
  else if (problem.empty() && !(WIFEXITED(state) && WEXITSTATUS(state) == 0))
    problem = "tally archive ended with " + std::to_string(state) + ": " + said;
}

} // namespace tally::crash
