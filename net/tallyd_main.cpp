// tallyd: the ledger behind a TCP port.
#include "net/tallyd.hpp"

int main(int argc, char** argv) { return tally::net::run_tallyd(argc, argv); }
