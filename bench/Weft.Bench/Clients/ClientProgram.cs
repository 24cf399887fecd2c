using System.Net;
using Weft.Bench.Peers;
using Weft.Proxy.Security;
using Weft.Proxy.Workers;

namespace Weft.Bench.Clients;

/// <summary>
/// The part of `weft-bench` that is a load generator: <c>weft-bench client URL h1|h2</c>. It exists for what wrk and h2load cannot do: client certificates, full handshakes on
/// purpose, and thousands of connections that are held while little happens on them. It runs as a process of its own on the engine's event loop, takes one command per line on its
/// input and answers each with one line of JSON (<see cref="Herd.Do"/>).
/// </summary>
internal static class ClientProgram
{
    public static int Run(string url, string protocol)
    {
        var target = new Uri(url);
        using var worker = new Worker("client", new WorkerSettings(), TimeProvider.System, fault => Console.Error.WriteLine(fault));
        var herd = new Herd(worker, new Target(new IPEndPoint(IPAddress.Parse(target.Host), target.Port), target.Scheme == "https" ? Tls(protocol) : null, protocol == "h2"), Console.Out.WriteLine);
        var commands = new Thread(() =>
        {
            while (Console.ReadLine() is { } line) worker.Post(() => herd.Do(line));
            worker.Stop();
        }) { IsBackground = true };
        commands.Start();
        worker.Run();
        return 0;
    }

    /// <summary>No session is kept, so every handshake is a full one.</summary>
    private static ClientTls Tls(string protocol) => new(
        new ClientTlsSettings
        {
            Certificate = TlsCertificate.Load(File.ReadAllBytes(Certificates.Chain("client")), File.ReadAllBytes(Certificates.Key("client"))),
            ServerRoots = new TrustRoots(null, File.ReadAllBytes(Certificates.Root)),
            Alpn = [protocol == "h2" ? "h2" : "http/1.1"],
            MaxSessions = 0,
        },
        TimeProvider.System);
}

/// <param name="Address">Where to connect.</param>
/// <param name="Tls">Null for plaintext.</param>
/// <param name="IsHttp2">One stream at a time on each connection; else HTTP/1.1.</param>
internal sealed record Target(IPEndPoint Address, ClientTls? Tls, bool IsHttp2);
