using System.Net;
using System.Text;
using Weft.TestSupport;

namespace Weft.Cli.Tests;

/// <summary>The command line with a world of its own: its streams are strings, the network is a function.</summary>
internal sealed class TestCli
{
    public Dictionary<string, string> Environment { get; } = new() { ["HOME"] = "/nowhere", ["WEFT_SERVER"] = "http://control.test:15010" };

    /// <summary>What the control plane answers.</summary>
    public Func<HttpRequestMessage, string, (HttpStatusCode Status, string Body)> Answer { get; set; } = (_, _) => (HttpStatusCode.OK, "{}");

    public List<string> Requests { get; } = [];

    public string Input { get; set; } = "";

    public TimeProvider Time { get; set; } = new ManualTime();

    public bool Terminal { get; set; }

    public string Out { get; private set; } = "";

    public string Error { get; private set; } = "";

    public async Task<int> RunAsync(params string[] args)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        var code = await CommandLine.RunAsync(args, Context(output, error));
        (Out, Error) = (output.ToString(), error.ToString());
        return code;
    }

    /// <summary>The world as a command sees it.</summary>
    public CliContext Context(TextWriter output, TextWriter error) => new()
    {
        Out = output, Error = error, In = new StringReader(Input), OutIsTerminal = Terminal, ErrorIsTerminal = Terminal, Time = Time,
        Environment = name => Environment.GetValueOrDefault(name), Network = () => new Handler(this),
    };

    private sealed class Handler(TestCli cli) : HttpMessageHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var body = request.Content is null ? "" : await request.Content.ReadAsStringAsync(cancellationToken);
            cli.Requests.Add($"{request.Method} {request.RequestUri!.PathAndQuery}");
            var (status, answer) = cli.Answer(request, body);
            return new HttpResponseMessage(status) { Content = new StringContent(answer, Encoding.UTF8, "application/json") };
        }
    }
}

/// <summary>A folder that goes with the test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("weft-cli-").FullName;

    public string Write(string name, string text)
    {
        var path = System.IO.Path.Combine(Path, name);
        File.WriteAllText(path, text);
        return path;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
