using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Weft.Control.Store;
using Weft.Identity;

namespace Weft.Control.Api;

/// <summary><c>POST .../serviceaccounts/NAME/token</c>: a join token for that identity, in the shape of a TokenRequest.
/// It works once and for ten minutes; only its hash is kept.</summary>
internal sealed class TokenEndpoint(ResourceStore store, JoinTokenBook book, TrustDomain trustDomain, ReadOnlyMemory<byte> rootPin)
{
    public async Task HandleAsync(HttpContext context, ApiPath path)
    {
        if (store.Current.Find(path.Kind, path.Namespace!, path.Name!) is null)
            throw new ApiException(ApiStatus.NotFound(path.Kind, path.Namespace!, path.Name!));
        var (token, expires) = await book.IssueAsync(trustDomain, rootPin, path.Namespace!, path.Name!, context.RequestAborted);
        await Reply.JsonAsync(context, 201, new JsonObject
        {
            ["kind"] = "TokenRequest",
            ["apiVersion"] = "authentication.k8s.io/v1",
            ["metadata"] = new JsonObject { ["name"] = path.Name, ["namespace"] = path.Namespace },
            ["status"] = new JsonObject { ["token"] = token.Text, ["expirationTimestamp"] = ObjectRules.Timestamp(expires) },
        });
    }
}
