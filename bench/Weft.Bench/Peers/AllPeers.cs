namespace Weft.Bench.Peers;

/// <summary>
/// Who takes part, read from the folders of bench/peers: <c>folder/nginx.conf</c> makes nginx take part in that folder's rows, <c>nginx-near.conf</c> and <c>nginx-far.conf</c> two of
/// them. Ports are fixed because the configuration files, which a reader should be able to use by hand (from artifacts/bench), name them.
/// </summary>
internal static class AllPeers
{
    private const int FarPorts = 20;

    private sealed record Kind(string Name, string File, string Package, int Port, string Program, Func<string, string, string[]> Arguments);

    private static readonly Kind[] Kinds =
    [
        new(Contender.Nginx, "nginx{0}.conf", "nginx", 18001, "nginx", NginxArguments),
        new(Contender.Haproxy, "haproxy{0}.cfg", "haproxy", 18002, "haproxy", (_, file) => ["-db", "-f", file]),
        new(Contender.Caddy, "Caddyfile{0}", "caddy", 18005, "caddy", (_, file) => ["run", "--config", file, "--adapter", "caddyfile"]),
        new(Contender.Weft, "weft{0}.yaml", "", 18003, Repository.Built("Weft.Proxy", "weft-proxy"), WeftArguments),
    ];

    /// <summary>nginx with 1 KB from memory and files of 100 KB and 1 MB; also over mutual TLS.</summary>
    public static Peer Application { get; } = Make(Kinds[0], "application", "backend/nginx.conf", 18000)!;

    /// <summary>An HTTP/2 application that answers as gRPC does: when the request is over, with a message and trailers. Null when nghttpd is not installed.</summary>
    public static Peer? GrpcApplication { get; } = Repository.Find("nghttpd") is not { } program ? null : new Peer("grpc application", 18080, program,
        ["--no-tls", "-a", "127.0.0.1", "-d", Content.GrpcFolder, "--mime-types-file", Content.GrpcTypes, "--no-content-length", "--trailer", "grpc-status: 0", "18080"], "nghttpd (arguments in AllPeers.cs)");

    /// <summary>Weft with all its configuration from the churning control plane.</summary>
    public static Peer WeftUnderChurn { get; } = Make(Kinds[3], Contender.Weft, "churn/weft.yaml", 18004)!;

    /// <summary>The contenders of a folder that are installed; the others are told to <paramref name="absent"/>, with the package that has them.</summary>
    public static IReadOnlyList<Contender> Of(string folder, Reach reach, Action<string> absent)
    {
        var contenders = new List<Contender>();
        foreach (var kind in Kinds)
        {
            string[] files = File.Exists(Repository.Peer(Path.Combine(folder, string.Format(kind.File, "")))) ? [""] : ["-near", "-far"];
            files = [.. files.Select(f => Path.Combine(folder, string.Format(kind.File, f)))];
            if (!File.Exists(Repository.Peer(files[0]))) continue;
            if (MissingModule(Repository.Peer(files[0])) is { } package)
                absent($"{kind.Name} took no part: apt-get install {package}");
            else if (files.Select((file, i) => Make(kind, kind.Name, file, kind.Port + i * FarPorts)).ToList() is var hops && hops.Contains(null))
                absent($"{kind.Name} took no part: apt-get install {kind.Package}");
            else contenders.Add(new Contender(kind.Name, hops!, reach));
        }
        return contenders;
    }

    /// <summary>As many connections as its peers' configurations give them: by itself it takes no more than it can pair with another descriptor each.</summary>
    private static string[] WeftArguments(string folder, string file) => ["--bootstrap", file, "--drain-seconds", "1", "--max-connections", "15000"];

    /// <summary>Debian has nginx's stream module in a package of its own.</summary>
    private static string? MissingModule(string file)
    {
        const string Load = "load_module ";
        var module = File.ReadLines(file).FirstOrDefault(l => l.StartsWith(Load, StringComparison.Ordinal))?[Load.Length..].TrimEnd(';');
        return module is null || File.Exists(module) ? null : "libnginx-mod-stream";
    }

    private static Peer? Make(Kind kind, string name, string file, int port)
    {
        var program = File.Exists(kind.Program) ? kind.Program : Repository.Find(kind.Program);
        return program is null ? null : new Peer(name, port, program, kind.Arguments($"{name}-{port}", Repository.Peer(file)), file);
    }

    private static string[] NginxArguments(string name, string file) => ["-p", Repository.Made, "-e", "stderr", "-c", file, "-g", $"pid {name}.pid;"];
}
