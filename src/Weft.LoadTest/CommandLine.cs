using System.Globalization;
using System.Text;

namespace Weft.LoadTest;

/// <summary>The command line of <c>weft-loadtest</c> as options.</summary>
/// <param name="Options">What to run.</param>
/// <param name="Json">Print the report as JSON instead of a table.</param>
/// <param name="MaxFailures">Failed requests that still count as a good run; default 0.</param>
public sealed record CommandLine(LoadOptions Options, bool Json, long MaxFailures)
{
    public const string Usage = """
        usage: weft-loadtest [options] URL

        Sends requests at a fixed rate, whatever becomes of them, and reports latency from the intended send time.

          --rate N            requests per second, 0.1 to 1000000 (default 100)
          --connections N     keep-alive connections at most, 1 to 10000 (default 10)
          --duration T        measured time: 10s, 500ms, 2m (default 10s)
          --warmup T          load before measuring begins (default 0s)
          --timeout T         a request not answered by then has failed (default 10s)
          --method METHOD     request method (default GET, or POST with a body)
          --header 'N: V'     header field, may be repeated
          --body TEXT         request body; @FILE reads a file
          --proxy URL         HTTP forward proxy
          --json              print the report as JSON
          --max-failures N    exit with 1 when more requests than this failed (default 0)

        exit: 0 good run, 1 too many failures, 2 the run could not be made
        """;

    /// <exception cref="ArgumentException">The arguments make no run; the message says which and why.</exception>
    public static CommandLine Parse(IReadOnlyList<string> args)
    {
        var options = new Dictionary<string, string>();
        var headers = new List<(string, string)>();
        var json = false;
        string? target = null;
        for (var i = 0; i < args.Count; i++)
        {
            var name = args[i];
            if (name == "--json") json = true;
            else if (!name.StartsWith("--", StringComparison.Ordinal)) target = target is null ? name : throw new ArgumentException($"one URL, not also '{name}'");
            else if (i + 1 == args.Count) throw new ArgumentException($"{name} needs a value");
            else if (name == "--header") headers.Add(Header(args[++i]));
            else if (Known.Contains(name)) options[name] = args[++i];
            else throw new ArgumentException($"unknown option {name}");
        }
        if (target is null) throw new ArgumentException("which URL?");
        var body = options.TryGetValue("--body", out var text) ? Body(text) : default(ReadOnlyMemory<byte>);
        var proxy = options.TryGetValue("--proxy", out var address) ? Url(address) : null;
        var load = new LoadOptions
        {
            Target = Url(target),
            Rate = Number("--rate", 100),
            Connections = (int)Number("--connections", 10),
            Duration = Time("--duration", TimeSpan.FromSeconds(10)),
            WarmUp = Time("--warmup", TimeSpan.Zero),
            Timeout = Time("--timeout", TimeSpan.FromSeconds(10)),
            Method = options.GetValueOrDefault("--method", body.IsEmpty ? "GET" : "POST"),
            Headers = headers,
            Body = body,
            Proxy = proxy,
        };
        return new CommandLine(load, json, (long)Number("--max-failures", 0));

        double Number(string name, double missing) =>
            !options.TryGetValue(name, out var value) ? missing
            : double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number
            : throw new ArgumentException($"{name} needs a number, not '{value}'");

        TimeSpan Time(string name, TimeSpan missing) =>
            !options.TryGetValue(name, out var value) ? missing
            : TryParseTime(value, out var time) ? time
            : throw new ArgumentException($"{name} needs a time such as 10s, 500ms or 2m, not '{value}'");
    }

    private static readonly HashSet<string> Known =
        ["--rate", "--connections", "--duration", "--warmup", "--timeout", "--method", "--body", "--proxy", "--max-failures"];

    private static bool TryParseTime(string text, out TimeSpan time)
    {
        time = default;
        var (digits, unit) = text switch
        {
            _ when text.EndsWith("ms", StringComparison.Ordinal) => (text[..^2], 0.001),
            _ when text.EndsWith('s') => (text[..^1], 1.0),
            _ when text.EndsWith('m') => (text[..^1], 60.0),
            _ => (text, 0.0), // a bare number could be either
        };
        if (unit == 0 || !double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) || value is < 0 or > 1e6) return false;
        time = TimeSpan.FromSeconds(value * unit);
        return true;
    }

    private static Uri Url(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var url) ? url : throw new ArgumentException($"'{text}' is not an absolute URL");

    private static (string, string) Header(string text)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        return colon > 0 && !text.AsSpan().ContainsAny('\r', '\n') ? (text[..colon].Trim(), text[(colon + 1)..].Trim())
            : throw new ArgumentException($"--header needs 'Name: value', not '{text}'");
    }

    private static ReadOnlyMemory<byte> Body(string text) => text.StartsWith('@') ? File.ReadAllBytes(text[1..]) : Encoding.UTF8.GetBytes(text);
}
