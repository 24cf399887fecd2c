using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Cli.Connecting;

/// <summary>The control plane's HTTP API. Every failure is a <see cref="CliException"/> that says what to do, or a <see cref="RefusedException"/>
/// where the control plane answered and said no.</summary>
public sealed class ControlClient : IDisposable
{
    public const string Json = "application/json";
    public const string Yaml = "application/yaml";
    public const string MergePatch = "application/merge-patch+json";

    private readonly HttpClient _http;

    public ControlClient(Uri address, CliContext cli)
    {
        Address = address;
        _http = new HttpClient(cli.Network()) { BaseAddress = address, Timeout = Timeout.InfiniteTimeSpan };
    }

    public Uri Address { get; }

    /// <summary>HOST:PORT where proxies connect; null when only the API's address is known.</summary>
    public string? Xds { get; init; }

    /// <summary>What a printed command must carry to reach this control plane, as <c> --data DIR</c>; empty when commands find it without being told.</summary>
    public string Where { get; init; } = "";

    /// <summary>What to do when it does not answer. Default: start it where it should run.</summary>
    public string Remedy { get; init; } = $"start it there with `{CliContext.CommandName} up`";

    /// <summary>How long one answer may take. Default 15 s; a long poll adds what it asked for.</summary>
    public TimeSpan AnswerTimeout { get; init; } = TimeSpan.FromSeconds(15);

    public Task<JsonNode> GetAsync(string path, CancellationToken cancel, TimeSpan longPoll = default, string accept = Json) =>
        SendAsync(HttpMethod.Get, path, null, cancel, longPoll, accept);

    public Task<JsonNode> PostAsync(string path, JsonNode body, CancellationToken cancel) => SendAsync(HttpMethod.Post, path, Content(body, Json), cancel);

    public Task<JsonNode> PostTextAsync(string path, string text, string mediaType, CancellationToken cancel) =>
        SendAsync(HttpMethod.Post, path, new StringContent(text, Encoding.UTF8, mediaType), cancel);

    /// <summary>RFC 7386.</summary>
    public Task<JsonNode> PatchAsync(string path, JsonNode patch, CancellationToken cancel) => SendAsync(HttpMethod.Patch, path, Content(patch, MergePatch), cancel);

    public Task<JsonNode> DeleteAsync(string path, CancellationToken cancel) => SendAsync(HttpMethod.Delete, path, null, cancel);

    /// <summary>Creates the object unless one of that name is there.</summary>
    /// <returns>True when it was created.</returns>
    public async Task<bool> CreateIfAbsentAsync(ResourceKind kind, string ns, JsonObject json, CancellationToken cancel)
    {
        try
        {
            await PostAsync(ApiPaths.Collection(kind, ns), json, cancel);
            return true;
        }
        catch (RefusedException e) when (e.Status == HttpStatusCode.Conflict)
        {
            return false;
        }
    }

    /// <summary>Deletes the object; one that is not there is gone already.</summary>
    public async Task DeleteIfPresentAsync(string path, CancellationToken cancel)
    {
        try
        {
            await DeleteAsync(path, cancel);
        }
        catch (RefusedException e) when (e.Status == HttpStatusCode.NotFound)
        {
            // somebody was faster
        }
    }

    /// <summary>A command that reaches the same control plane when it is copied.</summary>
    public string Command(string verb) => $"{CliContext.CommandName} {verb}{Where}";

    public void Dispose() => _http.Dispose();

    private static StringContent Content(JsonNode body, string mediaType) => new(body.ToJsonString(), Encoding.UTF8, mediaType);

    private async Task<JsonNode> SendAsync(
        HttpMethod method, string path, HttpContent? content, CancellationToken cancel, TimeSpan longPoll = default, string accept = Json)
    {
        var limit = AnswerTimeout + longPoll;
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        timeout.CancelAfter(limit);
        using var request = new HttpRequestMessage(method, path) { Content = content };
        request.Headers.Accept.Add(MediaTypeWithQualityHeaderValue.Parse(accept));
        HttpResponseMessage response;
        byte[] body;
        try
        {
            response = await _http.SendAsync(request, timeout.Token);
            body = await response.Content.ReadAsByteArrayAsync(timeout.Token);
        }
        catch (HttpRequestException e)
        {
            throw Unreachable(e.Message);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw Unreachable($"{method} {path} was not answered within {limit.TotalSeconds:0} s");
        }
        using (response)
        {
            var json = Parse(body);
            if (response.IsSuccessStatusCode) return json ?? throw NotWeft(path, response.StatusCode);
            throw json is JsonObject status ? new RefusedException(response.StatusCode, status) : NotWeft(path, response.StatusCode);
        }
    }

    private CliException Unreachable(string why) =>
        new($"no control plane answers at {Address.GetLeftPart(UriPartial.Authority)} ({why})\n{Remedy}, or name another one with --server URL", ExitCode.Unreachable);

    private CliException NotWeft(string path, HttpStatusCode status) =>
        new($"{new Uri(Address, path)} answered {(int)status} without JSON: is that a Weft control plane?", ExitCode.Unreachable);

    private static JsonNode? Parse(byte[] body)
    {
        try
        {
            return JsonNode.Parse(body);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
