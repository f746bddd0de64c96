using Fairlead.ApiServer.HTTP.Proxying;
using Fairlead.ApiServer.Resources;
using Xunit;

namespace Fairlead.Unit.ApiServer.HTTP;

/// <summary>Names, paths and links of the proxy subresources.</summary>
public sealed class ProxyingTests
{
    [Theory]
    [InlineData("kubia", "", "kubia", "")]
    [InlineData("kubia:http", "", "kubia", "http")]
    [InlineData("http:kubia:8080", "http", "kubia", "8080")]
    [InlineData("https:kubia:", "https", "kubia", "")]
    [InlineData(":kubia:80", "", "kubia", "80")]
    public void Name_InItsForms_IsRead(string text, string scheme, string name, string port) =>
        Assert.Equal(new ProxyName(scheme, name, port), ProxyName.Parse(text));

    [Theory]
    [InlineData("")]
    [InlineData(":80")]
    [InlineData("ftp:kubia:21")]
    [InlineData("a:b:c:d")]
    public void Name_InAnotherForm_IsRefused(string text) => Assert.Equal(400, Assert.Throws<ApiError>(() => ProxyName.Parse(text)).Code);

    [Theory]
    [InlineData("/api/v1/namespaces/d/pods/p:80/proxy", "/api/v1/namespaces/d/pods/p:80/proxy", "")]
    [InlineData("/api/v1/namespaces/d/pods/p/proxy/", "/api/v1/namespaces/d/pods/p/proxy", "/")]
    [InlineData("/api/v1/namespaces/d/services/http%3As%3A/proxy/a//b%2F?x=/y", "/api/v1/namespaces/d/services/http%3As%3A/proxy", "/a//b%2F")]
    [InlineData("/api/v1/nodes/n/proxy/metrics", "/api/v1/nodes/n/proxy", "/metrics")]
    public void Path_IsSplitAsTheClientWroteIt(string raw, string prefix, string rest) => Assert.Equal((prefix, rest), ResourceProxy.SplitPath(raw));

    [Theory]
    [InlineData("/x?y=1", "/proxy/x?y=1")]
    [InlineData("x/y", "x/y")]
    [InlineData("http://10.0.0.1:8080/x", "/proxy/x")]
    [InlineData("http://elsewhere.example/x", "http://elsewhere.example/x")]
    [InlineData("//elsewhere.example/x", "//elsewhere.example/x")]
    [InlineData("/proxy/x", "/proxy/x")]
    public void Link_OfTheProxiedServer_GetsThePrefix(string link, string becomes) => Assert.Equal(becomes, new HtmlLinks("/proxy", "10.0.0.1:8080").Rewrite(link));

    [Fact]
    public void Page_LinksInAttributes_AreRewrittenAndTextStays()
    {
        var page = new HtmlLinks("/p", "h:1").RewritePage("""<a class="c" href="/x">see /x</a><img src='/y.png'><form action="/z">href="/no"</form>""");

        Assert.Equal("""<a class="c" href="/p/x">see /x</a><img src='/p/y.png'><form action="/p/z">href="/no"</form>""", page);
    }
}
