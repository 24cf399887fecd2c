using System.Globalization;
using Weft.TestSupport;

namespace Weft.Scenarios.Transparent;

/// <summary>A port of a Service and the application's port behind it.</summary>
/// <param name="Name">Of the port; says what it carries, or does not.</param>
/// <param name="Called">Number for callers.</param>
/// <param name="Application">Port that the application listens on.</param>
internal sealed record ServedPort(string Name, int Called, int Application)
{
    /// <summary>Where the sidecar takes it: a number of its own on each of the two servers.</summary>
    public int Sidecar => 20_000 + (Application % 10_000);

    /// <summary>Name of the application's port on the Workload; two ports of the Service may lead to one.</summary>
    public string Target => string.Create(CultureInfo.InvariantCulture, $"p{Application}");
}

/// <summary>One protocol: who serves it, and the program that a person would call it with.</summary>
/// <param name="Service">Also the name of the Workload, its account and its sidecar.</param>
/// <param name="Server">0 or 1: the machine that it is on.</param>
/// <param name="CountsRequests">True where <c>weft stat</c> counts requests, false where it counts connections.</param>
/// <param name="Ports">The declared one first, then one of which nothing is declared.</param>
/// <param name="Call">Command that says a text to host and port, and prints what comes back.</param>
internal sealed record ServedProtocol(string Service, int Server, bool CountsRequests, ServedPort[] Ports, Func<string, int, string, string[]> Call)
{
    /// <summary>The client says nothing before the server has.</summary>
    public bool ServerFirst => Service == "mail";

    public static IReadOnlyList<ServedProtocol> All { get; } =
    [
        new("web", 0, true, [new("http", 80, 8080), new("any", 8082, 8082)], (host, port, text) => [Tool.Require("curl", "curl"), "-sS", "-m", "15", "-d", text, $"http://{host}:{port}/"]),
        new("greeter", 0, true, [new("grpc", 50051, 50051), new("any", 50052, 50052)], Client("grpc")),
        new("chat", 0, true, [new("http", 80, 8081), new("any", 8083, 8083)], Client("websocket")),
        // Without a name that says so: 25, 5432 and 6379 are known by their numbers.
        new("mail", 1, false, [new("submission", 25, 25), new("any", 2525, 2525)], Client("smtp")),
        new("ledger", 1, false, [new("tcp", 9000, 9000), new("any", 9001, 9001)], Client("raw")),
        new("db", 1, false, [new("sql", 5432, 5432), new("any", 7432, 5432)],
            (host, port, text) => [Tool.Require("psql", "postgresql"), "-h", host, "-p", Number(port), "-U", "weft", "-d", "postgres", "-Atc", $"select '{text}'"]),
        new("cache", 1, false, [new("keys", 6379, 6379), new("any", 7379, 6379)],
            (host, port, text) => [Tool.Require("redis-cli", "redis-tools"), "-h", host, "-p", Number(port), "echo", text]),
    ];

    public static string Script(string name) => Path.Combine(Tool.RepositoryRoot(), "tests/Weft.Scenarios/Transparent", name);

    private static Func<string, int, string, string[]> Client(string protocol) => (host, port, text) => [Tool.Python, "-B", Script("client.py"), protocol, host, Number(port), text];

    private static string Number(int port) => port.ToString(CultureInfo.InvariantCulture);
}
