using Fairlead.Node.Images;
using Fairlead.Node.Images.Registry;
using Xunit;

namespace Fairlead.Unit.Node.Images;

public sealed class ImageNameTests
{
    private const string Digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    [Theory]
    [InlineData("busybox", "docker.io/library/busybox:latest")]
    [InlineData("busybox:1.36", "docker.io/library/busybox:1.36")]
    [InlineData("user/app", "docker.io/user/app:latest")]
    [InlineData("docker.io/nginx", "docker.io/library/nginx:latest")]
    [InlineData("registry.k8s.io/e2e-test-images/agnhost:2.53", "registry.k8s.io/e2e-test-images/agnhost:2.53")]
    [InlineData("localhost/x", "localhost/x:latest")]
    [InlineData("127.0.0.1:5000/a/b:v1", "127.0.0.1:5000/a/b:v1")]
    [InlineData("busybox@" + Digest, "docker.io/library/busybox@" + Digest)]
    [InlineData("busybox:1@" + Digest, "docker.io/library/busybox:1@" + Digest)]
    [InlineData("Busybox", null)]
    [InlineData("a//b", null)]
    [InlineData("", null)]
    [InlineData("a:", null)]
    [InlineData("a b", null)]
    [InlineData("a@sha256:12", null)]
    [InlineData("invalid_image_!", null)]
    [InlineData("../../etc", null)]
    public void Reference_OfText_IsWhole(string text, string? whole) => Assert.Equal(whole, ImageReference.TryParse(text)?.ToString());

    [Theory]
    [InlineData("""{"auths":{"reg.example:5000":{"auth":"dTpwOnE="}}}""", "reg.example:5000/a", "u", "p:q")]
    [InlineData("""{"auths":{"https://index.docker.io/v1/":{"username":"u","password":"p"}}}""", "busybox", "u", "p")]
    [InlineData("""{"reg.example":{"username":"u","password":"p"}}""", "reg.example/a/b", "u", "p")]
    [InlineData("""{"auths":{"*.example":{"username":"w","password":"p"},"reg.example/a":{"username":"u","password":"p"}}}""", "reg.example/a/b", "u", "p")]
    [InlineData("""{"auths":{"reg.example/a":{"username":"u","password":"p"}}}""", "reg.example/ab", null, null)]
    [InlineData("""{"auths":{"*.example":{"username":"u","password":"p"}}}""", "a.b.example/c", null, null)]
    public void Credentials_ForAnImage_AreTheMostParticular(string config, string image, string? user, string? password)
    {
        var found = RegistryCredential.For(ImageReference.TryParse(image)!, RegistryCredential.ParseDockerConfig(System.Text.Encoding.UTF8.GetBytes(config))).FirstOrDefault();
        Assert.Equal((user, password), (found?.User, found?.Password));
    }

    [Fact]
    public void Credentials_Broken_AreRefused() => Assert.Throws<ImageException>(() => RegistryCredential.ParseDockerConfig("{\"auths\":{\"a\":{\"auth\":\"%\"}}}"u8.ToArray()));

    [Fact]
    public void Challenge_Parameters_AreRead() => Assert.Equal(
        [new("realm", "https://auth.example/token"), new("service", "registry.example"), new("scope", "repository:a/b:pull,push")],
        RegistryAuthorization.Parameters("""realm="https://auth.example/token",service="registry.example", scope="repository:a/b:pull,push" """));

    [Theory]
    [InlineData("docker.io", "", "https://registry-1.docker.io")]
    [InlineData("127.0.0.1:5000", "", "https://127.0.0.1:5000 http://127.0.0.1:5000")]
    [InlineData("docker.io", "docker.io=http://m:1", "http://m:1 https://registry-1.docker.io")]
    [InlineData("other.io", "docker.io=http://m:1", "https://other.io")]
    [InlineData("other.io", "*=https://m/", "https://m https://other.io")]
    public void Settings_Endpoints_AreMirrorsThenTheRegistry(string registry, string mirrors, string expected)
    {
        var (settings, failure) = RegistrySettings.Parse(mirrors.Split(' ', StringSplitOptions.RemoveEmptyEntries), []);
        Assert.Null(failure);
        Assert.Equal(expected, string.Join(' ', settings!.Endpoints(registry).Select(endpoint => endpoint.Url)));
    }

    [Fact]
    public void Settings_BadMirror_IsToldOf() => Assert.Contains("REGISTRY=URL", RegistrySettings.Parse(["docker.io"], []).Failure, StringComparison.Ordinal);
}
