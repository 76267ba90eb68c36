#include "tests/crash/archiver.hpp"
#include "tests/crash/server_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace tally::crash {

archiver::archiver(std::string folder, std::string to) : folder_(std::move(folder)), to_(std::move(to)) {}

archiver::~archiver() { kill(); }

void archiver::start(std::uint64_t before) {
  int ends[2];
  if (pid_ > 0 || ::pipe2(ends, O_CLOEXEC) != 0)
    std::abort();
  std::vector<std::string> words = {binary_folder() + "/tally", "archive", folder_, "--before", std::to_string(before), "--to", to_};
  std::vector<char*> argv;
  for (std::string& word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::setpgid(0, 0); // a Ctrl-C is the test's
    ::dup2(ends[1], STDOUT_FILENO);
    ::dup2(ends[1], STDERR_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  ::close(ends[1]);
  out_ = ends[0];
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
