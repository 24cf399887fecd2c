using Istio.V1.Auth;
using Weft.Grpc;

namespace Weft.Identity;

/// <summary>What a caller of the certificate service shows.</summary>
/// <param name="Authorization">The <c>authorization</c> field of the call; null when absent.</param>
/// <param name="Client">The client certificate of the connection; null when it has none.</param>
public readonly record struct CertificateCaller(string? Authorization, ClientIdentity? Client);

/// <summary>Decides who gets which certificate: the logic of <c>istio.v1.auth.IstioCertificateService</c>, without a web server.</summary>
/// <remarks>
/// The identity comes from what the caller proved: a join token (once) or the certificate that it has already. The request contributes a key.
/// When both are shown the token counts: it is shown on purpose, and it is how a machine is given another identity.
/// </remarks>
public sealed class CertificateService(
    CertificateAuthority authority, JoinTokenBook tokens, Func<IRevocations> revocations, CertificateServiceOptions options, TimeProvider time)
{
    private const string Bearer = "Bearer ";

    /// <summary>Answers one request.</summary>
    /// <exception cref="GrpcException">UNAUTHENTICATED: nothing, or nothing good, was shown. PERMISSION_DENIED: the identity is known and may not have
    /// this. INVALID_ARGUMENT: the request itself is wrong. FAILED_PRECONDITION: the authority cannot sign now.</exception>
    public async Task<IstioCertificateResponse> CreateAsync(CertificateCaller caller, IstioCertificateRequest request, CancellationToken cancel)
    {
        // The request is judged first: a typo in it must not use a join token up.
        if (request.ValidityDuration < 0) throw Refuse(GrpcStatusCode.InvalidArgument, "validity_duration must not be negative");
        if (!SigningRequest.TryParse(request.Csr, out var signing, out var error)) throw Refuse(GrpcStatusCode.InvalidArgument, error);

        var id = caller switch
        {
            { Authorization: { } authorization } => await JoinAsync(authorization, signing, cancel),
            { Client: { } client } => Renew(client, signing),
            _ => throw Refuse(GrpcStatusCode.Unauthenticated, "show a join token in 'authorization: Bearer ...' or a client certificate"),
        };
        return Sign(id, signing, request.ValidityDuration);
    }

    private async Task<SpiffeId> JoinAsync(string authorization, SigningRequest signing, CancellationToken cancel)
    {
        if (!authorization.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase))
            throw Refuse(GrpcStatusCode.Unauthenticated, "the authorization field must start with 'Bearer '");
        if (!JoinToken.TryParse(authorization[Bearer.Length..], out var token, out var error)) throw Refuse(GrpcStatusCode.Unauthenticated, error);

        var (stored, refusal) = await tokens.InspectAsync(token, cancel);
        if (stored is null) throw RefuseToken(refusal);
        var id = SpiffeId.ForServiceAccount(authority.TrustDomain, stored.Namespace, stored.ServiceAccount);
        RequirePermitted(id, serialNumber: null, signing);

        (stored, refusal) = await tokens.RedeemAsync(token, cancel);
        return stored is null ? throw RefuseToken(refusal) : id;
    }

    private SpiffeId Renew(ClientIdentity client, SigningRequest signing)
    {
        // Asked again here although the handshake asked: the connection may be older than the certificate's grace.
        var now = time.GetUtcNow();
        if (now >= client.NotAfter + options.ExpiredGrace)
            throw Refuse(GrpcStatusCode.Unauthenticated, $"the certificate of {client.Id} ended at {client.NotAfter:u}, more than {options.ExpiredGrace.TotalDays:0.##} days ago: join again with a new token");
        if (!client.Id.TrustDomain.Equals(authority.TrustDomain) || !client.Id.TryGetServiceAccount(out _, out _))
            throw Refuse(GrpcStatusCode.PermissionDenied, $"{client.Id} is not a service account of {authority.TrustDomain}: its certificate is not issued here");
        RequirePermitted(client.Id, client.SerialNumber, signing);
        return client.Id;
    }

    private void RequirePermitted(SpiffeId id, string? serialNumber, SigningRequest signing)
    {
        if (revocations().IsRevoked(id, serialNumber)) throw Refuse(GrpcStatusCode.PermissionDenied, $"{id} is revoked");
        if (signing.Uris.FirstOrDefault(uri => uri != id.Text) is { } other)
            throw Refuse(GrpcStatusCode.PermissionDenied, $"the request asks for '{other}', the caller is {id}: leave the subject alternative name out");
    }

    private IstioCertificateResponse Sign(SpiffeId id, SigningRequest signing, long seconds)
    {
        try
        {
            var issued = authority.Issue(id, signing, seconds == 0 ? null : TimeSpan.FromSeconds(Math.Min(seconds, int.MaxValue)));
            var response = new IstioCertificateResponse();
            response.CertChain.AddRange(issued.ChainPem);
            return response;
        }
        catch (IdentityException error) { throw new GrpcException(GrpcStatusCode.FailedPrecondition, error.Message, error); }
    }

    private static GrpcException RefuseToken(JoinRefusal refusal) => Refuse(GrpcStatusCode.Unauthenticated, refusal switch
    {
        JoinRefusal.Expired => "the join token has expired: issue a new one",
        // The secret's being wrong is not said: whoever guesses learns nothing about ids.
        _ => "the join token is unknown or was used already: issue a new one",
    });

    private static GrpcException Refuse(GrpcStatusCode code, string message) => new(code, message);
}
