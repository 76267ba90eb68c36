// Loads a tallyd that somebody else starts and cuts off, and keeps outside what it acknowledged. Told what to do by lines on standard
// input, each answered by one line: "ok ..." or "wrong ...".
//   check PORT    sends again what has no answer yet, reads everything back and compares
//   load PORT     loads it until the server goes away or `pause`
//   pause         no more; waits until everybody has noticed
//   erased DIR    no file of the folder holds a phone or name that was erased
//   totals        what was done so far
// Who starts the server, and takes its power away: tests/power/power_cut.
#include "tests/crash/personal_desk.hpp"
#include "tests/crash/read_back.hpp"
#include "tests/crash/rules_changer.hpp"
#include "tests/crash/worker.hpp"
#include "tests/personal/folder_search.hpp"

#include <atomic>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace tally::crash {
namespace {

class load {
public:
  explicit load(std::uint64_t seed) : rules_(seed), desk_(seed) {
    for (int i = 0; i < 3; ++i)
      workers_.emplace_back(i, seed, rules_.acknowledged());
  }

  std::string check(std::uint16_t port) {
    net::client_options options;
    options.port = port;
    const auto client = net::client::connect(options);
    if (!client)
      return client.error().what;
    if (rules_.versions() == 0 && (!rules_.apply_one(**client) || rules_.versions() == 0))
      return "no rules: " + rules_.problem;
    start(port, true);
    pause();
    if (std::string wrong = problem(); !wrong.empty())
      return wrong;
    if (std::string wrong = read_back(**client, workers_); !wrong.empty())
      return wrong;
    return rules_.read_back(**client);
  }

  void start(std::uint16_t port, bool enough) {
    enough_ = enough;
    for (worker& one : workers_)
      threads_.emplace_back([this, &one, port] { one.run(port, enough_); });
    threads_.emplace_back([this, port] { rules_.run(port, enough_); });
    threads_.emplace_back([this, port] { desk_.run(port, enough_); });
  }

  void pause() {
    enough_ = true;
    for (std::thread& each : threads_)
      each.join();
    threads_.clear();
  }

  bool loading() const { return !threads_.empty(); }

  // What an answer showed to be wrong, as long as nobody is loading.
  std::string problem() const {
    for (const worker& one : workers_)
      if (!one.problem.empty())
        return one.problem;
    return !rules_.problem.empty() ? rules_.problem : desk_.problem;
  }

  std::string erased(const std::string& folder) const {
    for (const std::string& text : desk_.all_erased_texts())
      if (!personal::files_with(folder, text).empty())
        return text + " was erased and is in " + personal::files_with(folder, text).front().string();
    const std::string there = desk_.present_text();
    return there.empty() || !personal::files_with(folder, there).empty() ? std::string() : there + " is in no file";
  }

  std::string show_totals() const {
    totals all;
    for (const worker& one : workers_)
      all += one.seen;
    std::ostringstream out;
    out << all.acknowledged << " answers, " << all.ok << " ok, " << all.duplicate << " duplicates, " << all.refused << " refused; "
        << all.sent_again << " unanswered sent again, " << all.found_done << " of them were done already; " << all.transfers
        << " transfers; " << rules_.versions() << " versions of the rules; phones and names: " << desk_.enrolled << " enrolled, "
        << desk_.changed << " changed, " << desk_.erased << " erased";
    return out.str();
  }

private:
  rules_changer rules_;
  std::deque<worker> workers_;
  personal_desk desk_;
  std::atomic<bool> enough_{true};
  std::vector<std::thread> threads_;
};

std::string obey(load& all, const std::string& line) {
  std::istringstream words(line);
  std::string what, of;
  words >> what >> of;
  if (what == "check")
    return all.check(static_cast<std::uint16_t>(std::strtoul(of.c_str(), nullptr, 10)));
  if (what == "load")
    all.start(static_cast<std::uint16_t>(std::strtoul(of.c_str(), nullptr, 10)), false);
  else if (what == "pause")
    all.pause();
  else if (what == "erased")
    return all.erased(of);
  else if (what != "totals")
    return "not understood: " + line;
  return what == "load" ? std::string() : all.problem();
}

int run(std::uint64_t seed) {
  load all(seed);
  for (std::string line; std::getline(std::cin, line);) {
    const std::string wrong = obey(all, line);
    if (!wrong.empty())
      std::cout << "wrong " << wrong << std::endl;
    else
      std::cout << "ok " << (all.loading() ? std::string() : all.show_totals()) << std::endl;
  }
  all.pause();
  return 0;
}

} // namespace
} // namespace tally::crash

int main(int argc, char** argv) { return tally::crash::run(argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1); }
