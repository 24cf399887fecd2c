using Shouldly;
using Weft.Cli.Output;
using Xunit;

namespace Weft.Cli.Tests.Output;

public sealed class TextTableTests
{
    [Fact]
    public void Text_stands_left_numbers_stand_right_and_a_line_has_no_trailing_blanks()
    {
        var table = new TextTable("NAME", "RPS", "ADDRESS", "NOTE").Add("a", "5.0", "127.0.0.1", "x").Add("longer", "1234.5", "-", "longest");
        table.ToText(terminal: false).ShouldBe(
            """
            NAME       RPS  ADDRESS    NOTE
            a          5.0  127.0.0.1  x
            longer  1234.5  -          longest

            """);
    }

    [Fact]
    public void Colours_change_no_width()
    {
        var table = new TextTable("A", "B").Add(new Cell("x", Style.Good), "y").Add("xx", "y");
        var painted = table.ToText(terminal: true);
        painted.ShouldContain("\e[32mx\e[0m");
        System.Text.RegularExpressions.Regex.Replace(painted, "\e\\[[0-9;]*m", "").ShouldBe(table.ToText(terminal: false));
    }
}
