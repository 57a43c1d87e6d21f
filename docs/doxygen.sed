# cenote: SPDX-License-Identifier: MIT
# What doxygen reads of a header: its opening lines document the file, and the inline namespace, which names a version of
# the layout and is never written by users, is not there.
0,/^#pragma once/s@^//\( \|$\)@///\1@
1s|^/// cenote: SPDX.*|/// \\file|
1s|^/\* cenote: SPDX.*|/** \\file|
s/^namespace cenote::inline v[0-9_]*/namespace cenote/
# The object pools are one class, whose name users do not write; its verbs are theirs.
/^template<class T, class Pool>$/{
N
s/\(.*\)\nclass basic_object_pool {/} \1\nclass basic_object_pool {/
}
/\nclass basic_object_pool {/,/^};/s/^};/}; namespace engine {/
s/engine::basic_object_pool/basic_object_pool/g
