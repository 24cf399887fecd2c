using System.Net;
using Weft.Control.Api;
using Weft.Control.Insights;
using Weft.Control.Serving;
using Weft.Control.Store;
using Weft.Identity;

namespace Weft.Control;

/// <summary>Settings of a control plane.</summary>
public sealed record ControlPlaneOptions
{
    /// <summary>Folder for the store, the certificate authority and <c>control.json</c>; made (0700) when absent.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>Resource API. Default 127.0.0.1:15010; port 0 takes a free one. It has no authentication: see <see cref="AllowRemoteApi"/>.</summary>
    public IPEndPoint ApiAddress { get; init; } = new(IPAddress.Loopback, 15010);

    /// <summary>Lets <see cref="ApiAddress"/> be other than loopback, for a network that something else guards: whoever reaches the API can change
    /// the mesh and join it. Default false: such an address is refused.</summary>
    public bool AllowRemoteApi { get; init; }

    /// <summary>xDS, certificates and telemetry over mutual TLS. Default 127.0.0.1:15012; port 0 takes a free one.</summary>
    public IPEndPoint XdsAddress { get; init; } = new(IPAddress.Loopback, 15012);

    /// <summary>DNS names and addresses in the control plane's certificate, beside localhost, the machine's name and the addresses above.</summary>
    public IReadOnlyList<string> HostNames { get; init; } = [];

    /// <summary>Name that all identities share. Default <c>weft.local</c>. It is fixed when the folder is first used.</summary>
    public string TrustDomain { get; init; } = "weft.local";

    /// <summary>Lifetimes of certificates.</summary>
    public CertificateAuthorityOptions Certificates { get; init; } = new();

    /// <summary>Bounds of the certificate service.</summary>
    public CertificateServiceOptions CertificateService { get; init; } = new();

    /// <summary>How long a join token can be used. Default 10 minutes.</summary>
    public TimeSpan JoinTokenLifetime { get; init; } = JoinTokenBook.DefaultLifetime;

    /// <summary>How long a proxy that has gone is still shown. Default 10 minutes.</summary>
    public TimeSpan RememberProxies { get; init; } = TimeSpan.FromMinutes(10);

    public StoreOptions Store { get; init; } = new();

    public ApiOptions Api { get; init; } = new();

    public ServingOptions Serving { get; init; } = new();

    public TrafficOptions Traffic { get; init; } = new();

    /// <summary>The clock of everything in here.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
