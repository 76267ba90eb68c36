# One library per folder, made of every .cpp in it that is not a program's main. The layering of
# docs/architecture.md stands in the link lines; tests/tidy checks the includes too.
function(tally_folder name)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "_main\\.cpp$")
  if(NOT sources)
    add_library(tally_${name} INTERFACE)
    return()
  endif()
  add_library(tally_${name} STATIC ${sources})
  target_link_libraries(tally_${name} PUBLIC tally_options ${ARGN})
endfunction()
