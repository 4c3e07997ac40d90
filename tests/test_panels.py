"""What all panels share: texts from a sheet never become HTML, figures stand at the right."""

import pandas as pd

from originmap.panels import html_table


def test_a_table_is_escaped_and_figures_stand_at_the_right():
    made = html_table(
        pd.DataFrame({"<b>主体": ["<script>x</script>", "林"], "面积": ["1,234.5", "—"], "备注": ["3 亩", "—"]})
    )
    assert "<script>" not in made
    assert "&lt;script&gt;x&lt;/script&gt;" in made
    assert "<th>&lt;b&gt;主体</th>" in made
    assert "<td class='n'>1,234.5</td>" in made
    assert "<td>3 亩</td>" in made
