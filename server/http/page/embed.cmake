# cmake -DOUTPUT=file -P embed.cmake: puts style and scripts into index.html, as the C++ constants of page.cc.
#
# A raw string takes the text as it is; its delimiter must not occur in it.
get_filename_component(folder ${CMAKE_SCRIPT_MODE_FILE} DIRECTORY)
file(READ ${folder}/index.html html)
file(READ ${folder}/style.css style)
foreach(name format chart causes history view main)
  file(READ ${folder}/${name}.js part)
  string(APPEND script "${part}")
endforeach()

string(FIND "${html}" "/*style*/" style_at)
string(FIND "${html}" "/*script*/" script_at)
string(SUBSTRING "${html}" 0 ${style_at} start)
math(EXPR middle_at "${style_at} + 9")
math(EXPR middle_length "${script_at} - ${middle_at}")
string(SUBSTRING "${html}" ${middle_at} ${middle_length} middle)
math(EXPR end_at "${script_at} + 10")
string(SUBSTRING "${html}" ${end_at} -1 end)

set(source "// Made by server/http/page/embed.cmake.\n")
foreach(part start style middle script end)
  string(SUBSTRING ${part} 0 1 first)
  string(SUBSTRING ${part} 1 -1 rest)
  string(TOUPPER ${first} first)
  string(APPEND source
    "static constexpr std::string_view kPage${first}${rest} = R\"cowslip(${${part}})cowslip\";\n")
endforeach()
file(WRITE ${OUTPUT} "${source}")
