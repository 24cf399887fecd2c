using System.Net;

namespace Weft.Proxy.Names;

/// <summary>Which service of the mesh stands behind an address that a client wanted to reach. One per worker; used on its worker's thread alone.</summary>
internal interface INameLookup
{
    /// <summary>What is known of <paramref name="address"/>; where nothing is known yet, it is asked for, and <paramref name="waiter"/> is called once on this worker when the answer
    /// is there, never from inside this call.</summary>
    /// <param name="address">IPv4 or IPv6, never IPv4-mapped.</param>
    /// <param name="port">1 to 65535; a service that has no such port is answered as known, its routes then say that there are none.</param>
    /// <param name="mustWait">It is an address that only a service can have: it is waited for also where others would go on as if it were unknown (<see cref="GiveUp"/>).</param>
    NameAnswer Find(IPAddress address, ushort port, INameWaiter waiter, bool mustWait = false);

    /// <summary>The waiter has waited for as long as it would. For a while nobody else is made to wait: what is outside of the mesh must not be slow because the control plane is away.</summary>
    void GiveUp(INameWaiter waiter);
}

/// <summary>Waits for the answer that <see cref="INameLookup.Find"/> could not give at once. Whoever waits bounds its own waiting.</summary>
internal interface INameWaiter
{
    /// <param name="answer">Never <see cref="NameStatus.Asked"/>.</param>
    void OnName(in NameAnswer answer);
}

/// <summary>What an address means in the mesh.</summary>
internal enum NameStatus : byte
{
    /// <summary>Nobody has said yet: the waiter will hear.</summary>
    Asked,

    /// <summary>It is a service's: <see cref="NameAnswer.Service"/> and <see cref="NameAnswer.Namespace"/> say which.</summary>
    Service,

    /// <summary>It is nothing of the mesh's.</summary>
    Outside,
}

/// <param name="Status">Which of the three.</param>
/// <param name="Service">The service's name, lower case; empty unless it is known.</param>
/// <param name="Namespace">Its namespace; empty unless it is known.</param>
internal readonly record struct NameAnswer(NameStatus Status, string Service = "", string Namespace = "");
