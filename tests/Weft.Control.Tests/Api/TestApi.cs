using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Weft.Control.Api;
using Weft.Control.Store;
using Weft.Control.Tests.Store;
using Weft.Identity;
using Weft.TestSupport;
using Xunit;

namespace Weft.Control.Tests.Api;

/// <summary>The API on a real socket over a store in memory, and a client of it.</summary>
public sealed class TestApi : IAsyncLifetime
{
    private ApiServer? _server;

    public FaultyFiles Files { get; } = new();

    public ManualTime Time { get; } = new();

    public StoreOptions StoreOptions { get; init; } = new();

    public ApiOptions Options { get; init; } = new();

    public ResourceStore Store { get; private set; } = null!;

    public HttpClient Client { get; } = new();

    public static TrustDomain TrustDomain { get; } = TrustDomain.TryParse("weft.local", out var d, out _) ? d : throw new InvalidOperationException();

    public async ValueTask InitializeAsync()
    {
        Store = ResourceStore.Open(Files, StoreOptions);
        var objects = new ObjectService(Store, Time, Options);
        await objects.InitializeAsync();
        var tokens = new TokenEndpoint(Store, new JoinTokenBook(new StoredJoinTokens(Store), JoinTokenBook.DefaultLifetime, Time), TrustDomain, new byte[32]);
        _server = new ApiServer(new IPEndPoint(IPAddress.Loopback, 0), objects, tokens, [], Time, Options, NullLoggerFactory.Instance);
        await _server.StartAsync(default);
        Client.BaseAddress = new Uri($"http://{_server.Address}");
    }

    public async ValueTask DisposeAsync()
    {
        await _server!.StopAsync(default);
        await _server.DisposeAsync();
        Store.Dispose();
        Client.Dispose();
    }

    public static string Service(string name, string ns = "default", string? label = null)
    {
        var metadata = new JsonObject { ["name"] = name, ["namespace"] = ns };
        if (label is not null) metadata["labels"] = new JsonObject { ["app"] = label };
        return $$"""{"apiVersion":"v1","kind":"Service","metadata":{{metadata.ToJsonString()}},"spec":{"ports":[{"port":80}]} }""";
    }

    public const string Services = "/api/v1/namespaces/default/services";

    public Task<(int Code, JsonNode Json)> GetAsync(string path) => SendAsync(HttpMethod.Get, path);

    public Task<(int Code, JsonNode Json)> PostAsync(string path, string body, string type = "application/json") => SendAsync(HttpMethod.Post, path, body, type);

    public async Task<(int Code, JsonNode Json)> SendAsync(HttpMethod method, string path, string? body = null, string type = "application/json")
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
        {
            request.Content = new StringContent(body, Encoding.UTF8);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue(type);
        }
        using var response = await Client.SendAsync(request);
        return ((int)response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync())!);
    }

    /// <summary>Opens a watch; lines come from the result.</summary>
    public async Task<StreamReader> WatchAsync(string path)
    {
        var response = await Client.GetAsync(path, HttpCompletionOption.ResponseHeadersRead);
        response.StatusCode.ShouldBeOk();
        return new StreamReader(await response.Content.ReadAsStreamAsync());
    }
}
