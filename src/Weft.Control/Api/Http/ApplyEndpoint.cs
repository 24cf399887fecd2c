using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Weft.Resources;

namespace Weft.Control.Api;

/// <summary><c>POST /weft/v1/apply?namespace=NS&amp;fileName=F&amp;dryRun=All</c>: many documents (YAML, or JSON with a List), all or nothing.
/// A text with ten mistakes gets ten diagnostics and changes nothing.</summary>
internal sealed class ApplyEndpoint(ApplyAll apply, ApiOptions options)
{
    public async Task HandleAsync(HttpContext context)
    {
        var query = context.Request.Query;
        var ns = query["namespace"].ToString() is { Length: > 0 } given ? given : "default";
        var file = query["fileName"].ToString() is { Length: > 0 } name ? name : "body";
        var read = RequestBody.Read(await RequestBody.BytesAsync(context, options), RequestBody.IsYaml(context), file, ns, options);
        if (read.HasErrors) throw new ApiException(ApiStatus.Invalid(null, "", read.Diagnostics));
        var outcome = await apply.RunAsync(read.Resources, ObjectEndpoints.IsDryRun(context));
        await Reply.JsonAsync(context, 200, new JsonObject
        {
            ["kind"] = "ApplyResult",
            ["apiVersion"] = "weft.dev/v1alpha1",
            ["revision"] = outcome.Revision,
            ["objects"] = new JsonArray([.. outcome.Objects.Select(Row)]),
            ["diagnostics"] = DiagnosticJson.Of(read.Diagnostics),
        });
    }

    private static JsonObject Row(AppliedObject applied) => new()
    {
        ["action"] = applied.Action.ToString().ToLower(CultureInfo.InvariantCulture),
        ["apiVersion"] = applied.Object.Kind.ApiVersion,
        ["kind"] = applied.Object.Kind.Kind,
        ["plural"] = applied.Object.Kind.Plural,
        ["namespace"] = applied.Object.Metadata.Namespace,
        ["name"] = applied.Object.Metadata.Name,
        ["resourceVersion"] = applied.Object.Metadata.ResourceVersion,
    };
}
