# SPDX-License-Identifier: Apache-2.0
# Every file that a document names in `backticks` or links to exists, and so does every test that it
# quotes: `tests/some_test.cpp` "name of the test". Code that a document takes "From `some/file`:" stands
# there word for word.
#
#   cmake -DSOURCE_DIR=... -P check_documents.cmake
cmake_minimum_required(VERSION 3.22)

set(failures "")
set(count 0)
file(GLOB_RECURSE documents RELATIVE ${SOURCE_DIR} ${SOURCE_DIR}/docs/*.md ${SOURCE_DIR}/hw/*.md
     ${SOURCE_DIR}/workloads/*.md)
foreach(document README.md ${documents})
  file(READ ${SOURCE_DIR}/${document} text)
  get_filename_component(folder ${SOURCE_DIR}/${document} DIRECTORY)

  # Paths of this repository; not patterns, and not what a build or a run makes.
  string(REGEX MATCHALL "`(docs|hw|models|sim|tests|tools|workloads)/[A-Za-z0-9_./]+`" named "${text}")
  foreach(path ${named})
    string(REPLACE "`" "" path "${path}")
    math(EXPR count "${count} + 1")
    if(NOT EXISTS ${SOURCE_DIR}/${path} AND NOT path MATCHES "^workload/|^hw/[^.]*$|/$")
      string(APPEND failures "\n  ${document} names ${path}, which is not there")
    endif()
  endforeach()

  string(REGEX MATCHALL "[(][A-Za-z0-9_./-]+[.](md|svg|png|json)[)#]" links "${text}")
  foreach(link ${links})
    string(REGEX REPLACE "[(](.*)[)#]" "\\1" path "${link}")
    math(EXPR count "${count} + 1")
    if(NOT EXISTS ${folder}/${path})
      string(APPEND failures "\n  ${document} links to ${path}, which is not there")
    endif()
  endforeach()

  # A long name is broken into several literals in the source.
  set(rest "${text}")
  while(rest MATCHES "`(tests/[A-Za-z0-9_./]+_test[.]cpp)` \"([^\"]+)\"")
    set(path ${CMAKE_MATCH_1})
    set(name "${CMAKE_MATCH_2}")
    string(FIND "${rest}" "`${path}` \"${name}\"" place)
    string(LENGTH "`${path}` \"${name}\"" length)
    math(EXPR place "${place} + ${length}")
    string(SUBSTRING "${rest}" ${place} -1 rest)
    math(EXPR count "${count} + 1")
    if(NOT EXISTS ${SOURCE_DIR}/${path})
      continue()  # told above
    endif()
    file(READ ${SOURCE_DIR}/${path} source)
    string(REGEX REPLACE "\"[ \n]+\"" "" source "${source}")
    string(REGEX REPLACE "TEST_CASE\\([ \n]+\"" "TEST_CASE(\"" source "${source}")
    string(FIND "${source}" "TEST_CASE(\"${name}\"" found)
    if(found EQUAL -1)
      string(APPEND failures "\n  ${document} quotes \"${name}\", which is no test of ${path}")
    endif()
  endwhile()

  # "From `path`:", perhaps with a line's end between, an empty line, and a block of code.
  string(REGEX REPLACE "From[ \n]`" "From `" rest "${text}")
  string(FIND "${rest}" "From `" place)
  while(NOT place EQUAL -1)
    string(SUBSTRING "${rest}" ${place} -1 rest)
    if(rest MATCHES "^From `([A-Za-z0-9_./]+)`:\n\n```[a-z]+\n")
      set(path ${CMAKE_MATCH_1})
      string(LENGTH "${CMAKE_MATCH_0}" length)
      string(SUBSTRING "${rest}" ${length} -1 rest)
      string(FIND "${rest}" "```" length)
      string(SUBSTRING "${rest}" 0 ${length} quoted)
      math(EXPR count "${count} + 1")
      file(READ ${SOURCE_DIR}/${path} source)
      string(FIND "${source}" "${quoted}" found)
      if(found EQUAL -1)
        string(APPEND failures "\n  ${document} quotes lines from ${path} that are not there:\n${quoted}")
      endif()
    else()
      string(SUBSTRING "${rest}" 1 -1 rest)
    endif()
    string(FIND "${rest}" "From `" place)
  endwhile()
endforeach()

if(failures)
  message(FATAL_ERROR "Documents:${failures}")
endif()
message(STATUS "${count} names of files in documents lead somewhere.")
