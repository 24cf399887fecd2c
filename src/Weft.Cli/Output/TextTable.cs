using System.Text;

namespace Weft.Cli.Output;

/// <summary>One cell; a plain string is one.</summary>
public readonly record struct Cell(string Text, Style Style)
{
    public static implicit operator Cell(string text) => new(text, Style.Plain);

    public override string ToString() => Text;
}

/// <summary>
/// Columns separated by two spaces, as command-line people expect: one line per row, nothing to strip before <c>awk</c>.
/// (A drawn table would cost every short command a library's start-up and every script a clean-up.)
/// </summary>
public sealed class TextTable(params string[] headings)
{
    private readonly List<Cell[]> _rows = [];

    public int Count => _rows.Count;

    public IReadOnlyList<IReadOnlyList<Cell>> Rows => _rows;

    public TextTable Add(params Cell[] cells)
    {
        if (cells.Length != headings.Length) throw new ArgumentException($"{cells.Length} cells for {headings.Length} columns", nameof(cells));
        _rows.Add(cells);
        return this;
    }

    public void Write(TextWriter to, bool terminal) => to.Write(ToText(terminal));

    public string ToText(bool terminal)
    {
        var widths = headings.Select((h, i) => Math.Max(h.Length, _rows.Count == 0 ? 0 : _rows.Max(r => r[i].Text.Length))).ToArray();
        var numeric = headings.Select((_, i) => _rows.TrueForAll(r => r[i].Text == "-" || IsNumber(r[i].Text)) && _rows.Exists(r => r[i].Text != "-")).ToArray();
        var text = new StringBuilder();
        Line([.. headings.Select(h => new Cell(h, Style.Quiet))]);
        foreach (var row in _rows) Line(row);
        return text.ToString();

        void Line(Cell[] cells)
        {
            for (var i = 0; i < cells.Length; i++)
            {
                var (content, style) = cells[i];
                var pad = new string(' ', widths[i] - content.Length);
                var last = i == cells.Length - 1;
                if (numeric[i]) text.Append(pad);
                text.Append(style.Paint(content, terminal));
                if (!numeric[i] && !last) text.Append(pad);
                if (!last) text.Append("  ");
            }
            text.Append('\n');
        }
    }

    /// <summary>Numbers, percentages, times and sizes stand at the right; "-" is none of them and spoils no column.</summary>
    private static bool IsNumber(string text)
    {
        var unit = text.IndexOf(' ');
        var number = unit > 0 && text[(unit + 1)..] is "ms" or "B" or "kB" or "MB" or "GB" ? text[..unit] : text.TrimEnd('%');
        return number.Length > 0 && char.IsAsciiDigit(number[0]) && number.Count(c => c == '.') <= 1 && number.All(c => char.IsAsciiDigit(c) || c == '.');
    }
}
