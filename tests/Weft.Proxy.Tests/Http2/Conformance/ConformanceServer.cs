using System.Globalization;
using System.Net;
using System.Text;
using Weft.Proxy.Tests.Cases;
using Weft.Proxy.Tests.Pipelines;

namespace Weft.Proxy.Tests.Http2.Conformance;

/// <summary>An HTTP/2 server with prior knowledge, in front of a backend that records every byte and answers by the target.</summary>
internal sealed class ConformanceServer : IAsyncDisposable
{
    /// <summary>The time limits are long against scheduling: no case may pass because of one.</summary>
    private const string Manager = """
        {"stream_idle_timeout": "30s", "request_timeout": "30s",
         "route_config": {"name": "r", "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": ""}, "route": {"cluster": "backend", "timeout": "0s"}}]}]}}
        """;

    private readonly ProxyUnderTest? _proxy;

    private ConformanceServer(CaseBackend backend, IPEndPoint? address)
    {
        Backend = backend;
        if (address is null) _proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(Manager);
        Address = address ?? _proxy!.Address;
    }

    public CaseBackend Backend { get; }

    public IPEndPoint Address { get; }

    /// <summary>How long a reaction may take. Default 8 s.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(8);

    /// <summary>The data plane in this process.</summary>
    public static ConformanceServer Own() => new(NewBackend(), null);

    /// <summary>Somebody else's proxy.</summary>
    /// <param name="start">Starts it in front of the backend, and says where it listens.</param>
    public static async Task<ConformanceServer> OfAsync(Func<IPEndPoint, Task<IPEndPoint>> start)
    {
        var backend = NewBackend();
        return new ConformanceServer(backend, await start(backend.Address)) { Patience = TimeSpan.FromSeconds(1) };
    }

    /// <summary>Exceptions that workers survived: none is expected of any case.</summary>
    public IReadOnlyList<object> Faults => _proxy is null ? [] : [.. _proxy.Faults];

    public async ValueTask DisposeAsync()
    {
        if (_proxy is not null) await _proxy.DisposeAsync();
        await Backend.DisposeAsync();
    }

    private static CaseBackend NewBackend() => new(request => (Encoding.Latin1.GetBytes(Answer(request)), request.Target.StartsWith("/fine/cut", StringComparison.Ordinal)));

    /// <summary>By target: /fine/wait (never), /fine/large/N (N octets), /fine/echo, /fine/chunked, /fine/trailers, /fine/hints, /fine/hop, /fine/101, /fine/204, /fine/cut.</summary>
    private static string Answer(StrictMessage request)
    {
        var parts = request.Target.Split('/', '?');
        return (parts.Length > 2 ? parts[2] : "") switch
        {
            "wait" => "",
            "large" when int.Parse(parts[3], CultureInfo.InvariantCulture) is var size => $"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n{(request.Method == "HEAD" ? "" : new string('x', size))}",
            "echo" => $"HTTP/1.1 200 OK\r\nContent-Length: {request.Body.Length}\r\n\r\n{request.Body}",
            "chunked" => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            "trailers" => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 5\r\n\r\n",
            "hints" => "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            "hop" => "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nKeep-Alive: timeout=60\r\nX-Hop: 1\r\nProxy-Connection: keep-alive\r\nX-END: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            "101" => "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
            "204" => "HTTP/1.1 204 No Content\r\n\r\n",
            "cut" => "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this",
            _ => request.Method == "HEAD" ? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" : "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        };
    }
}
