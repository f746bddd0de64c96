using Xunit;

namespace Fairlead.Unit.ApiServer.HTTP;

/// <summary>Kubernetes documentation: "Storage Classes".</summary>
public sealed class StorageClassTests : ApiTest
{
    private const string Classes = "/apis/storage.k8s.io/v1/storageclasses";

    [Fact]
    public async Task StorageClass_Made_HasItsDefaults()
    {
        var made = await Requests.DoAsync("POST", Classes, """{"metadata":{"name":"a"},"provisioner":"example.com/p","allowVolumeExpansion":false}""");

        Assert.Equal(("Delete", "Immediate", false), ((string)made["reclaimPolicy"]!, (string)made["volumeBindingMode"]!, (bool)made["allowVolumeExpansion"]!));
    }

    [Theory]
    [InlineData("""{"metadata":{"name":"a"} }""", "provisioner: Required value")]
    [InlineData("""{"metadata":{"name":"a"},"provisioner":"p","reclaimPolicy":"Recycle"}""", "reclaimPolicy: Unsupported value: \"Recycle\": supported values: \"Delete\", \"Retain\"")]
    [InlineData("""{"metadata":{"name":"a"},"provisioner":"p","volumeBindingMode":"Now"}""", "volumeBindingMode: Unsupported value: \"Now\": supported values: \"Immediate\", \"WaitForFirstConsumer\"")]
    public async Task StorageClass_Wrong_IsRefused(string body, string message)
    {
        var (code, status) = await Requests.SendAsync("POST", Classes, body);

        Assert.Equal(422, code);
        Assert.Contains(message, (string)status["message"]!, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"provisioner":"other"}""", "provisioner: Forbidden: updates to provisioner are forbidden.")]
    [InlineData("""{"parameters":{"a":"c"} }""", "parameters: Forbidden: updates to parameters are forbidden.")]
    [InlineData("""{"reclaimPolicy":"Retain"}""", "reclaimPolicy: Forbidden: updates to reclaimPolicy are forbidden.")]
    [InlineData("""{"volumeBindingMode":"WaitForFirstConsumer"}""", "volumeBindingMode: Invalid value: \"WaitForFirstConsumer\": field is immutable")]
    public async Task StorageClass_WhatIsFixed_DoesNotChange(string patch, string message)
    {
        await Requests.DoAsync("POST", Classes, """{"metadata":{"name":"a"},"provisioner":"p","parameters":{"a":"b"} }""");

        var (code, status) = await Requests.SendAsync("PATCH", Classes + "/a", patch, "application/merge-patch+json");

        Assert.Equal(422, code);
        Assert.Contains(message, (string)status["message"]!, StringComparison.Ordinal);
    }
}
