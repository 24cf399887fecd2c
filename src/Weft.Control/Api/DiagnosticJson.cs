using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Control.Api;

/// <summary>Diagnostics on the wire: every field under its own name, so that a command line prints what an offline check would.</summary>
public static class DiagnosticJson
{
    public static JsonArray Of(IEnumerable<Diagnostic> diagnostics) => new([.. diagnostics.Select(Of)]);

    private static JsonObject Of(Diagnostic d) => new()
    {
        ["code"] = d.Code,
        ["severity"] = d.Severity.ToString(),
        ["resource"] = d.Resource,
        ["path"] = d.Path,
        ["file"] = d.File,
        ["line"] = d.Line,
        ["column"] = d.Column,
        ["message"] = d.Message,
        ["fix"] = d.Fix,
    };
}
