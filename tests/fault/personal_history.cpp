#include "tests/fault/personal_history.hpp"

#include "wal/table_file.hpp"

#include <algorithm>

namespace tally::fault {
namespace {

constexpr std::string_view merchant = "beanhouse";
const std::string accounts[] = {"m-0", "m-1", "m-2", "m-3"};

std::string line_of(const std::string& account, const personal::profile& data) { return account + ": " + data.phone + " " + data.name; }
std::string line_of(const personal::intent& open) {
  const bool is_keep = open.what == personal::intent::kind::keep;
  return "open: " + std::string(is_keep ? "keep " : "erase ") + line_of(open.account, open.data) +
         (open.phone_keys.empty() ? "" : ", keys");
}

std::string joined(std::vector<std::string> lines) {
  std::ranges::sort(lines);
  std::string text;
  for (const std::string& each : lines)
    text += each + "\n";
  return text;
}

void add_texts(std::set<std::string>& texts, const personal::profile& data) {
  texts.insert(data.phone);
  texts.insert(data.name);
}

// Everything that is stored of anybody who may have been.
result<std::string> text_of(const personal::store& store, const std::set<std::string>& phones) {
  std::vector<std::string> lines;
  for (const std::string& account : accounts) {
    const auto found = store.profile_of(merchant, account);
    if (!found)
      return found.error();
    if (*found)
      lines.push_back(line_of(account, **found));
  }
  for (const std::string& phone : phones) {
    const auto account = store.account_of(merchant, phone);
    if (!account)
      return account.error();
    if (!account->empty())
      lines.push_back("phone " + phone + " of " + *account);
  }
  const auto open = store.open_intents();
  if (!open)
    return open.error();
  for (const personal::intent& each : *open)
    lines.push_back(line_of(each));
  return joined(std::move(lines));
}

} // namespace

// ---- what was stored --------------------------------------------------------------------------------------------------

personal::profile expected_people::make_profile() {
  const std::string number = std::to_string(1'000'000 + ++made);
  phones.insert("+4915" + number);
  return {"+4915" + number, "Name-of-" + number + std::string(made % 3 == 0 ? 600 : 9, '.')};
}

void expected_people::forget(const std::string& account) {
  const auto found = people.find(account);
  if (found == people.end())
    return;
  gone.merge(found->second.former);
  found->second.former.clear();
}

std::string expected_people::text() const {
  std::vector<std::string> lines;
  for (const auto& [account, each] : people) {
    lines.push_back(line_of(account, each.data));
    lines.push_back("phone " + each.data.phone + " of " + account);
  }
  for (const personal::intent& each : open)
    lines.push_back(line_of(each));
  return joined(std::move(lines));
}

// ---- a life -----------------------------------------------------------------------------------------------------------

living_people::living_people(const disk_content& before, expected_people begin) : before_(before), disk_(before) {
  steps_.push_back({0, 0, std::move(begin)});
}

result<void> living_people::open() {
  if (const result<void> sound = wal::check_tables(personal_name, disk_.env.get()); !sound) // as the ledger does
    return failure{sound.error().code, "personal data " + sound.error().what};
  auto opened = personal::store::open(personal_name, disk_.env.get());
  if (!opened)
    return opened.error();
  store_ = std::move(*opened);
  return {};
}

result<std::string> living_people::text() const { return text_of(*store_, steps_.back().after.phones); }

result<void> living_people::kept(result<void> done) {
  if (done)
    steps_.back().kept = disk_.files->calls();
  return done;
}

result<void> living_people::play(std::uint32_t changes, std::mt19937_64& random) {
  for (; changes > 0; --changes)
    if (result<void> done = play_one(random); !done)
      return done;
  return {};
}

result<void> living_people::play_one(std::mt19937_64& random) {
  const std::string account = accounts[random() % std::size(accounts)];
  const std::uint64_t choice = random() % 10;
  if (choice < 3)
    return keep(account);
  if (choice == 3)
    return purge(account);
  if (choice == 4)
    return kept(store_->sync());
  expected_people& after = next_step().after;
  const personal::profile data = choice < 8 ? after.make_profile() : personal::profile();
  const result<personal::intent> begun = choice < 8 ? store_->begin_keep(merchant, account, data) : store_->begin_erase(merchant, account);
  if (!begun) { // it may be there all the same, under a number that nobody was told
    const bool has_keys = choice >= 8 && after.people.contains(account);
    after.open.push_back({choice < 8 ? personal::intent::kind::keep : personal::intent::kind::erase, 0, std::string(merchant), account,
                          data, has_keys ? std::vector<std::string>{"?"} : std::vector<std::string>()});
    return begun.error();
  }
  after.open.push_back(*begun);
  steps_.back().kept = disk_.files->calls();
  return choice == 7 ? drop(*begun) : settle(*begun);
}

result<void> living_people::keep(const std::string& account) {
  expected_people& after = next_step().after;
  const personal::profile data = after.make_profile();
  expected_people::person& whose = after.people[account];
  if (!whose.data.phone.empty())
    add_texts(whose.former, whose.data);
  whose.data = data;
  return kept(store_->keep(merchant, account, data));
}

result<void> living_people::purge(const std::string& account) {
  next_step().after.forget(account);
  return kept(store_->purge(merchant, account));
}

result<void> living_people::settle_all(bool have_entries) {
  const result<std::vector<personal::intent>> open = store_->open_intents();
  if (!open)
    return open.error();
  steps_.back().after.open = *open; // with the numbers of all
  for (const personal::intent& each : *open) {
    const bool was_dropped = each.what == personal::intent::kind::keep && each.data == personal::profile{}; // and never has an entry
    if (result<void> done = have_entries && !was_dropped ? settle(each) : drop(each); !done)
      return done;
  }
  return {};
}

result<void> living_people::settle(const personal::intent& begun) {
  const auto is_it = [&](const personal::intent& each) { return each.number == begun.number; };
  if (begun.what == personal::intent::kind::keep) {
    expected_people& after = next_step().after;
    std::erase_if(after.open, is_it);
    expected_people::person& whose = after.people[begun.account];
    if (!whose.data.phone.empty() && whose.data != begun.data)
      add_texts(whose.former, whose.data);
    whose.data = begun.data;
    return store_->settle(begun, begun.account); // stays once something after it does
  }
  {
    expected_people& erased = next_step().after;
    erased.people.erase(begun.account);
    expected_people& bare = next_step().after;
    std::ranges::find_if(bare.open, is_it)->phone_keys.clear();
  }
  recorded_people::step& closed = next_step();
  const auto before = steps_[steps_.size() - 4].after.people;
  if (const auto found = before.find(begun.account); found != before.end()) {
    closed.after.gone.insert(found->second.former.begin(), found->second.former.end());
    add_texts(closed.after.gone, found->second.data);
  }
  for (const std::string& key : begun.phone_keys)
    closed.after.gone.insert(key.substr(1));
  std::erase_if(closed.after.open, is_it);
  return kept(store_->settle(begun, begun.account));
}

result<void> living_people::drop(const personal::intent& begun) {
  const auto is_it = [&](const personal::intent& each) { return each.number == begun.number; };
  if (begun.what == personal::intent::kind::keep) {
    expected_people& bare = next_step().after;
    std::ranges::find_if(bare.open, is_it)->data = {};
  }
  expected_people& after = next_step().after;
  std::erase_if(after.open, is_it);
  if (begun.what == personal::intent::kind::keep)
    add_texts(after.gone, begun.data);
  return kept(store_->drop(begun));
}

void living_people::lose_power() {
  disk_.files->die();
  store_.reset();
}

// ---- what is left of it -----------------------------------------------------------------------------------------------

std::string first_found(const std::set<std::string>& texts, const disk_content& content) {
  for (const auto& [file, bytes] : content.files)
    for (const std::string& each : texts)
      if (!each.empty() && bytes.find(each) != std::string::npos)
        return each + " in " + file;
  return {};
}

found_people check_people(const disk_content& content, const recorded_people& life, std::size_t kept, std::size_t begun, bool and_goes_on) {
  found_people found;
  if (const std::string left = first_found(life.steps[kept].after.gone, content); !left.empty())
    return {"was to be gone: " + left, {}, 0};
  auto store = std::make_unique<living_people>(content, life.steps[begun].after);
  if (const result<void> opened = store->open(); !opened)
    return {{}, opened.error().what, 0};
  const result<std::string> now = store->text();
  if (!now)
    return {"cannot be read: " + now.error().what, {}, 0};
  found.step = kept; // the first that fits: it promises least
  while (found.step <= begun && life.steps[found.step].after.text() != *now)
    ++found.step;
  if (found.step > begun) {
    found.problem = "holds what it never held since it was promised to stay:\n" + *now + "-- that was\n" + life.steps[kept].after.text();
    return found;
  }
  if (!and_goes_on)
    return found;
  const disk_content as_opened = store->disk().files->content();
  store.reset();
  for (const bool have_entries : {false, true}) {
    living_people next(as_opened, life.steps[found.step].after);
    result<void> went_on = next.open();
    if (went_on)
      went_on = next.settle_all(have_entries);
    if (went_on)
      went_on = next.keep(accounts[0]);
    if (!went_on)
      return {"does not go on: " + went_on.error().what, {}, found.step};
    next.lose_power();
    const recorded_people then = next.recorded();
    const std::size_t last = then.steps.size() - 1;
    const found_people after = check_people(next.disk().files->content(), then, last, last, false);
    if (!after.problem.empty() || !after.refusal.empty())
      found.problem = "after it went on: " + after.problem + after.refusal;
  }
  return found;
}

} // namespace tally::fault
