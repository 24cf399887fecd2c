using System.Net;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Cli.Connecting;

/// <summary>The control plane answered, and the answer is no: a Kubernetes <c>Status</c>.</summary>
public sealed class RefusedException(HttpStatusCode status, JsonObject body) : Exception((string?)body["message"] ?? $"refused with {(int)status}")
{
    public HttpStatusCode Status { get; } = status;

    /// <summary>What validation found, where that was the reason.</summary>
    public IReadOnlyList<Diagnostic> Diagnostics { get; } = DiagnosticsJson.Read(body["details"]?["diagnostics"]);
}

/// <summary>Diagnostics as the control plane sends them.</summary>
public static class DiagnosticsJson
{
    public static IReadOnlyList<Diagnostic> Read(JsonNode? array) => [.. (array as JsonArray ?? []).OfType<JsonObject>().Select(Read)];

    private static Diagnostic Read(JsonObject json) => new(
        Text(json, "code"),
        Text(json, "severity") == nameof(Severity.Warning) ? Severity.Warning : Severity.Error,
        Text(json, "resource"), Text(json, "path"), Text(json, "file"),
        (int?)json["line"] ?? 0, (int?)json["column"] ?? 0,
        Text(json, "message"), Text(json, "fix"));

    private static string Text(JsonObject json, string name) => (string?)json[name] ?? "";
}
