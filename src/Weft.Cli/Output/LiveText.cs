namespace Weft.Cli.Output;

/// <summary>Text that is painted again and again. On a terminal the new picture takes the place of the old one; in a pipe pictures follow each other.</summary>
public sealed class LiveText(CliContext cli)
{
    private int _lines;
    private bool _first = true;

    public void Show(string text)
    {
        if (cli.OutIsTerminal)
        {
            // ECMA-48 CPL and ED: back to where the last picture began, and clear from there. What stood above it stays.
            if (_lines > 0) cli.Out.Write($"\e[{_lines}F\e[J");
            _lines = text.Count(c => c == '\n');
        }
        else if (!_first)
        {
            cli.Out.WriteLine();
        }
        _first = false;
        cli.Out.Write(text);
        cli.Out.Flush();
    }
}
