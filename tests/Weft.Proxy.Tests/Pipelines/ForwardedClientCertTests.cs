using System.Text;
using Shouldly;
using Weft.Proxy.Pipelines;
using Weft.Proxy.Security;
using Weft.Routing.Listeners;
using Xunit;

namespace Weft.Proxy.Tests.Pipelines;

public sealed class ForwardedClientCertTests
{
    private static readonly CertificateInfo Own = new(["spiffe://weft.local/ns/default/sa/server"], "01", default, default);

    private static string Element(ClientCertDetails details, CertificateInfo? own = null, string subject = "CN=client,O=Weft", string[]? uris = null, string[]? dns = null) =>
        Encoding.ASCII.GetString(ForwardedClientCert.Element(
            new CertificateDetails("abcd", subject, uris ?? ["spiffe://weft.local/ns/default/sa/client"], dns ?? ["a.example", "b.example"]), own ?? Own, details));

    [Fact]
    public void The_receiver_and_the_hash_are_always_told_and_the_rest_as_asked_in_Envoys_order()
    {
        Element(ClientCertDetails.None).ShouldBe("By=spiffe://weft.local/ns/default/sa/server;Hash=abcd");
        Element(ClientCertDetails.Uri).ShouldBe("By=spiffe://weft.local/ns/default/sa/server;Hash=abcd;URI=spiffe://weft.local/ns/default/sa/client");
        Element(ClientCertDetails.Dns | ClientCertDetails.Subject | ClientCertDetails.Uri).ShouldBe(
            "By=spiffe://weft.local/ns/default/sa/server;Hash=abcd;Subject=\"CN=client,O=Weft\";URI=spiffe://weft.local/ns/default/sa/client;DNS=a.example;DNS=b.example");
    }

    [Fact]
    public void A_key_stays_where_its_value_is_missing() =>
        Element(ClientCertDetails.Subject | ClientCertDetails.Uri | ClientCertDetails.Dns, new CertificateInfo([], "01", default, default), "", [], []).ShouldBe("Hash=abcd;Subject=\"\";URI=");

    [Theory]
    [InlineData("a.example,By=spiffe://weft.local/ns/x/sa/admin", "DNS=\"a.example,By=spiffe://weft.local/ns/x/sa/admin\"")]
    [InlineData("a;URI=b", "DNS=\"a;URI=b\"")]
    [InlineData("a\",By=b", "DNS=\"a\\\",By=b\"")]
    [InlineData("a\\\",By=b", "DNS=\"a\\\\\\\",By=b\"")]
    [InlineData("a\r\nx: y", "DNS=a??x: y")]
    public void A_name_cannot_speak_for_a_second_client(string dnsName, string expected) =>
        Element(ClientCertDetails.Dns, dns: [dnsName]).ShouldEndWith(";" + expected);
}
